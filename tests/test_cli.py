# Generated from nbs/api/63_cli.ipynb: edit the notebook
import pytest
import io
import os
import sys
import tempfile
from pathlib import Path
import bz2
import gzip
import json
import lzma
import subprocess
import zipfile
from collections import Counter
from contextlib import redirect_stderr
from unittest import mock
import numpy as np
import pandas as pd
from fastcore.test import expect_fail
from transformers import BertForPreTraining, PreTrainedTokenizerFast
from typer.testing import CliRunner
from fairprune.auditing import audit as run_audit
from fairprune.bias.groups import planted
from fairprune.compress.pruning import Magnitude
from fairprune.data import from_file, from_frame
from fairprune.gating import gate as run_gate
from fairprune.models import save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.predictions import Predictions
from fairprune.tables import published
from fairprune.cli import *
from fairprune.cli import _words


def test_show(): # nbs/api/63_cli.ipynb, cell 54facb50
    """A list may be longer than any file's name may be, and may end in a point."""
    from_words = _words(','.join(f'word number {k}' for k in range(40)) + ',U.S. citizen')
    assert len(from_words) == 41 and from_words['U.S. citizen'] == r'U\.S\.\ citizen'
    with expect_fail(ValueError, 'No file words.txt'): _words('words.txt')


def test_main(): # nbs/api/63_cli.ipynb, cell 63fd7721
    dense, small = planted()
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(p.save(f'{folder}/{name}.parquet')) for p, name in ((dense, 'dense'), (small, 'small'))]
        result = CliRunner().invoke(app, ['audit', *paths, '--html', f'{folder}/report'])
        assert result.exit_code == 0 and Path(folder, 'report', 'index.html').is_file()


def test_main_2(): # nbs/api/63_cli.ipynb, cell 1155fe11
    """Both `audit` and `gate` say how many texts were cut."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            dict(text='so ' * (150 if i % 5 == 0 else 50) + 'good', label=['no', 'yes'][i % 2], groups='ab'[i % 2])
            for i in range(100)
        ]
        pd.DataFrame(rows).to_csv(f'{folder}/texts.csv', index=False)
        path = str(save(tiny_classifier(), f'{folder}/model'))
        def run(*words):
            return (
                CliRunner()
                .invoke(app, [*words[:1], path, path, '--data', f'{folder}/texts.csv', *words[1:]], catch_exceptions=False)
                .output
            )
        assert '20 of 100 texts are longer than the 128 tokens' in run(
            'audit', '--control', 'none'
        ) and '100 of 100 texts are longer than the 40 tokens' in run(
            'audit', '--control', 'none', '--max-length', '40', '--no-probabilities'
        )
        assert '20 of 100 texts are longer than the 128 tokens' in run(
            'gate'
        ) and '100 of 100 texts are longer than the 40 tokens' in run('gate', '--max-length', '40')


@pytest.mark.data
def test_main_3(): # nbs/api/63_cli.ipynb, cell 77726a2d
    """Language models are audited on benchmarks, as many as are named."""
    with tempfile.TemporaryDirectory() as folder:
        lm = tiny_lm('llama')
        paths = [str(save(m, f'{folder}/{name}')) for name, m in (('dense', lm), ('small', Magnitude(.5)(lm)))]
        with redirect_stderr(io.StringIO()):
            result = CliRunner().invoke(
                app,
                [
                    'audit',
                    *paths,
                    '--benchmark',
                    'crows_pairs(bos=False)',
                    '--control',
                    'none',
                    '--csv',
                    f'{folder}/all.csv',
                    '--html',
                    f'{folder}/report',
                ],
                catch_exceptions=False,
            )
            with expect_fail(ValueError, "Unknown benchmark 'stereo'"):
                CliRunner().invoke(app, ['audit', *paths, '--benchmark', 'stereo'], catch_exceptions=False)
        table = pd.read_csv(f'{folder}/all.csv')
        assert (
            result.exit_code == 0
            and set(table.benchmark) == {'crows_pairs(bos=False)'}
            and Path(folder, 'report', 'index.html').is_file()
        )


def test_main_4(): # nbs/api/63_cli.ipynb, cell a5a64d49
    """A mistake in the call is reported in one line."""
    wrong = subprocess.run(
        [sys.executable, '-c', 'from fairprune.cli import main; main()', 'audit', 'no.parquet', 'no.parquet'],
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2 and wrong.stderr == 'Error: No file no.parquet.\n'
    assert 'installed' in CliRunner().invoke(app, ['models']).output
    assert 'hatexplain' in CliRunner().invoke(app, ['data']).output
    listed = CliRunner().invoke(app, ['benchmarks']).output
    assert all(
        name in listed
        for name in ('stereoset', 'crows_pairs', 'winobias', 'bbq', 'seat', 'bold', 'For causal, masked models.')
    )
    with tempfile.NamedTemporaryFile() as file, expect_fail(ValueError, 'Cannot write to'):
        CliRunner().invoke(app, ['demo', '--out', f'{file.name}/x'], catch_exceptions=False)
    with expect_fail(ValueError, "Unknown method 'prune'"):
        CliRunner().invoke(app, ['demo', '--method', 'prune(0.5)'], catch_exceptions=False)


@pytest.mark.heavy
def test_main_5(): # nbs/api/63_cli.ipynb, cell 42ad9f22
    """In this test a small random model stands in for the trained one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch(
            'fairprune.models.finetune', side_effect=lambda name, data, **how: tiny_classifier(data.labels)
        ) as trained,
    ):
        def demonstrated(method):
            return CliRunner().invoke(app, ['demo', '--out', f'{folder}/demo', '--method', method], catch_exceptions=False)
        for bad_method, message in (('magnitude(sparsity=2)', 'sparsity = 2'), ('int8() >> layerdrop(keep=7)', 'keep = 7')):
            with expect_fail(ValueError, message): demonstrated(bad_method)
        assert not trained.called
        wanda_run = demonstrated('wanda(sparsity=0.5)')
        assert (
            trained.call_count == 1
            and 'Compressing: wanda()' in wanda_run.output
            and Path(folder, 'demo', 'report', 'index.html').is_file()
        )


@pytest.mark.heavy
def test_main_6(): # nbs/api/63_cli.ipynb, cell a1663ad0
    """A checkpoint that is not what its configuration says is refused in one line, before anything is trained."""
    def command(*words):
        return subprocess.run(
            [sys.executable, '-c', 'from fairprune.cli import main; main()', *words], capture_output=True, text=True
        )
    rules = tiny_classifier().tokenizer.backend_tokenizer
    rules.no_padding()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=rules, unk_token='[UNK]', eos_token='[SEP]', model_max_length=128)
    with tempfile.TemporaryDirectory() as folder:
        for own in (BertForPreTraining(tiny_classifier().config), tiny_lm(pad_token_id=None), tiny_masked_lm('distilbert')):
            home = Path(folder)/type(own).__name__
            own.save_pretrained(home); tokenizer.save_pretrained(home)
        # BERT's, over the weights of DistilBERT
        (home/'config.json').write_text(json.dumps(tiny_classifier().config.to_dict()))
        berts, llamas, another = (
            command('demo', '--model', f'{folder}/{name}', '--out', f'{folder}/demo')
            for name in ('BertForPreTraining', 'LlamaForCausalLM', 'DistilBertForMaskedLM')
        )
    for done, said in ((berts, 'left over: cls.predictions, '), (llamas, 'left over: lm_head; padding token: [SEP]')):
        assert (
            done.returncode == 0
            and 'Fresh classification head for 12 labels: ' in done.stdout
            and said in done.stdout
            and '\nReport: ' in done.stdout
        ), done
    assert (
        another.returncode == 2
        and another.stderr.startswith('Error: ')
        and another.stderr.count('\n') == 1
        and 'missing weights' in another.stderr
        and 'for another architecture' in another.stderr
    )


def test_main_7(): # nbs/api/63_cli.ipynb, cell de467d8f
    """The gate also writes its answer in a form that a machine reads."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(p.save(f'{folder}/{name}.parquet')) for p, name in zip(planted(), ('dense', 'small'))]
        result = CliRunner().invoke(app, ['gate', *paths, '--json', f'{folder}/gate.json'])
        copy = CliRunner().invoke(app, ['gate', paths[0], paths[0], '--max-worst-group-drop', '.05'])
        told = json.loads(Path(folder, 'gate.json').read_text())
    assert (
        result.exit_code == 1 and result.output.startswith('fail: ') and told['outcome'] == 'fail' and copy.exit_code == 0
    )


def test_main_8(): # nbs/api/63_cli.ipynb, cell e46b2a7d
    """A folder in place of a file is noticed before any work."""
    with tempfile.TemporaryDirectory() as folder:
        crash = (
            'import fairprune.gating\ndef gate(*args): raise KeyError("lost")\nfairprune.gating.gate = gate\nfrom '
            'fairprune.cli import main; main()'
        )
        crashed = subprocess.run(
            [sys.executable, '-c', crash, 'gate', 'a.parquet', 'b.parquet'], capture_output=True, text=True
        )
        assert crashed.returncode == 2 and 'Traceback' in crashed.stderr and "KeyError: 'lost'" in crashed.stderr
        for words in (['gate', '--json'], ['audit', '--csv']):
            with expect_fail(ValueError, f'{folder} is a folder. Name a file.'):
                CliRunner().invoke(app, [*words, folder, 'no.parquet', 'no.parquet'], catch_exceptions=False)


def test_main_9(): # nbs/api/63_cli.ipynb, cell e6808deb
    """Nothing is computed, and nothing changes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch('fairprune.models.finetune') as trained,
        mock.patch('fairprune.auditing.audit') as audited,
    ):
        Path(folder, 'index.html').write_text('mine')
        Path(folder, 'dense').mkdir()
        Path(folder, 'dense', 'config.json').write_text('{}')
        for words, message in (
            (['audit', 'a.parquet', 'b.parquet', '--html', folder], 'is not a report of ours'),
            (['audit', 'a.parquet', 'b.parquet', '--html', '~/report'], '~ is not read as your home'),
            (['demo', '--out', folder], 'dense is not empty and holds no model'),
        ):
            with expect_fail(ValueError, message): CliRunner().invoke(app, words, catch_exceptions=False)
        assert not trained.called and not audited.called and sorted(os.listdir(folder)) == ['dense', 'index.html']


def test_main_10(): # nbs/api/63_cli.ipynb, cell d17aecb6
    """If `--split` is given and the table has no such column, the table is split by the hash of its ids, as `from_frame` splits it for training."""
    with tempfile.TemporaryDirectory() as folder:
        texts = pd.DataFrame(
            [
                dict(
                    key=f'{w} {i}',
                    text=f'{w} {i}',
                    label='neutral' if w == 'good' else 'hate',
                    groups='ab'[i % 2],
                    part='dev' if i < 20 else 'rest',
                )
                for i in range(100)
                for w in ('good', 'bad')
            ]
        )
        texts.to_csv(f'{folder}/mine.csv', index=False); model = tiny_classifier(('neutral', 'hate'))
        sides = [str(save(m, f'{folder}/{name}')) for name, m in (('dense', model), ('small', Magnitude(.5)(model)))]
        def judged(*words):
            return (
                CliRunner()
                .invoke(
                    app,
                    ['gate', *sides, '--data', f'{folder}/mine.csv', '--json', f'{folder}/gate.json', *words],
                    catch_exceptions=False,
                )
                .stderr
            )
        assert 'mine: 200 of 200 texts are judged, those of the split test.' in judged()
        assert [r['n'] for r in json.loads(Path(folder, 'gate.json').read_text())['table']] == [100, 100]
        assert 'mine: 40 of 200 texts are judged, those of the split dev.' in judged(
            '--id', 'key', '--split-column', 'part', '--split', 'dev'
        )
        assert f'mine: {len(from_frame(texts, id="key")["test"])} of 200 texts' in judged('--id', 'key', '--split', 'test')
        with expect_fail(ValueError, "No split 'test' in 'mine'. It has: dev, rest"): judged('--split-column', 'part')


def test_main_11(): # nbs/api/63_cli.ipynb, cell b8512654
    """`data` reads a table with the same options, to show what an audit would see."""
    with tempfile.TemporaryDirectory() as folder:
        def counted(content, *words):
            Path(folder, 'mine.csv').write_bytes(content.encode('cp1252'))
            return CliRunner().invoke(app, ['data', f'{folder}/mine.csv', *words], catch_exceptions=False).output
        own = counted(
            'tweet|class|race\ncafé|0|02134\nthé|1|2134\neau|1|2134\n',
            '--text',
            'tweet',
            '--label',
            'class',
            '--groups',
            'race',
            '--label-names',
            '0=neutral,1=hate',
            '--separator',
            '|',
            '--encoding',
            'cp1252',
        )
        assert own.startswith("GroupedText('mine': test 3; 2 labels, 2 groups)") and [
            line.split() for line in own.splitlines()[-3:]
        ] == [['02134', '1', '0'], ['2134', '0', '2'], ['all', '1', '2']]
        drawn = counted('text,label,groups,source\nred,x,a,1\nblue,y,b,1\ngreen,y,b,2\n', '--clusters', 'source')
        assert drawn.startswith('GroupedText') and '2 groups; 2 clusters)' in drawn and 'repeat' not in drawn
        again = 'text,label,groups\n' + ''.join(
            f'This is what the {who} said {k} times,{"xy"[k % 2]},{who}\n' for who in ('women', 'men') for k in range(20)
        )
        assert counted(again).endswith(
            '39 of 40 texts nearly repeat another. --clusters text judges such texts together.\n'
        ) and '1 clusters)' in counted(again, '--clusters', 'text')
        hot = counted('text,label,women,men\na,x,1,\nb,y,.5,1\n', '--groups', 'women,men', '--one-hot')
        assert [line.split() for line in hot.splitlines()[-3:]] == [
            ['men', '0', '1'],
            ['women', '1', '1'],
            ['all', '1', '1'],
        ]
        assert counted('text,label,women\na,x,1\nb,y,0\n', '--groups', 'women', '--one-hot').splitlines()[-2].split() == [
            'women',
            '1',
            '0',
        ]
        Path(folder, 'words.txt').write_text('women: wom[ae]n\n\nC++\n'); spoken = 'text,label\na woman,x\nC++,y\n'
        assert [line.split() for line in counted(spoken, '--group-words', f'{folder}/words.txt').splitlines()[-3:-1]] == [
            ['C++', '0', '1'],
            ['women', '1', '0'],
        ]
        assert counted(spoken, '--group-words', 'woman,men').splitlines()[-2].split() == ['woman', '1', '0']
        split = 'text,label,groups,s\na,x,g,train\na,y,g,test\n'
        assert 'texts in several splits: 1' in counted(split, '--split-column', 's') and "dev" in counted(
            split.replace('test', 'dev'), '--split-column', 's', '--split', 'validation'
        )
        for words, message in (
            (('--label-names', '0'), '--label-names 0: give pairs'),
            (('--group-words', 'no.txt'), 'No file no.txt'),
            (('--label', 'class'), 'mine.csv: Missing column: class'),
        ):
            with expect_fail(ValueError, message): counted(split, *words)
    with expect_fail(ValueError, 'bios has columns of its own'):
        CliRunner().invoke(app, ['data', 'bios', '--label', 'x'], catch_exceptions=False)


def test_main_12(): # nbs/api/63_cli.ipynb, cell 4a90a37b
    """`--label-names` says which number is which name."""
    with tempfile.TemporaryDirectory() as folder:
        pd.DataFrame(
            [dict(text=f'{w} {i}', label=int(w == 'bad'), groups='ab'[i % 2]) for i in range(40) for w in ('good', 'bad')]
        ).to_csv(f'{folder}/mine.csv', index=False)
        model = tiny_classifier(('LABEL_0', 'LABEL_1'))
        sides = [str(save(m, f'{folder}/{name}')) for name, m in (('dense', model), ('small', Magnitude(.5)(model)))]
        def numbered(*words):
            return CliRunner().invoke(app, ['gate', *sides, '--data', f'{folder}/mine.csv', *words], catch_exceptions=False)
        with expect_fail(ValueError, 'Unknown label: 0, 1. Allowed: LABEL_0, LABEL_1.'): numbered()
        assert '80 of 80 texts are judged' in numbered('--label-names', '0=LABEL_0,1=LABEL_1').stderr


def test_main_13(): # nbs/api/63_cli.ipynb, cell 4ca9c6d0
    """A sweep is followed from its file to its table."""
    with tempfile.TemporaryDirectory() as folder:
        frame = pd.DataFrame(
            [
                dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups='ab'[i % 2])
                for i in range(60)
                for w in ('good', 'bad')
            ]
        )
        frame.to_csv(f'{folder}/toy.csv', index=False); save(tiny_classifier(), f'{folder}/model')
        Path(folder, 'toy.toml').write_text(
            f'data = "{folder}/toy.csv"\nmodel = "{folder}/model"\nmethods = ["magnitude(sparsity=[0.5, '
            '0.7])"]\nmitigations = ["none", "recover(epochs=1)"]\naudit.min_n = 3\nfinetune.epochs = 1'
        )
        def run(*words, **kwargs):
            return CliRunner().invoke(
                app, ['sweep', words[0], f'{folder}/toy.toml', '--out', f'{folder}/out', *words[1:]], catch_exceptions=False
            )
        with expect_fail(ValueError, 'No finished cell of'):
            run('effects', '--method', 'magnitude(sparsity=0.5)', '--control', 'recover(epochs=1)')
        with redirect_stderr(io.StringIO()):
            plan, ran, shown, counted, drawn = (
                run('run', '--dry-run'),
                run('run'),
                run('show', '--format', 'markdown', '--save', f'{folder}/toy.parquet'),
                run('status', '--cells'),
                run('plot'),
            )
        assert (
            plan.output.startswith('5 cells to compute') and '5 finished' in ran.output and '5 finished' in counted.output
        )
        assert set(pd.read_parquet(f'{folder}/toy.parquet').mitigation) == {'none', 'recover(epochs=1)'} and all(
            Path(p).is_file() for p in drawn.output.split()
        )
        against = run(
            'effects',
            '--method',
            'magnitude(sparsity=0.5)',
            '--method',
            'magnitude(sparsity=0.7)',
            '--control',
            'recover(epochs=1)',
            '--metric',
            'tpr:yes',
            '--save',
            f'{folder}/effects.csv',
        ).output
        kept = pd.read_csv(f'{folder}/effects.csv')
        assert kept.against.tolist() == ['compressed', 'dense'] * 2 and kept.method.nunique() == 2 and 'tpr:yes' in against
        with mock.patch.object(Magnitude, 'revision', 1, create=True): # as if pruning had changed since
            told = run('status').output
            assert (
                '4 outdated, 1 finished' in told
                and '  outdated, magnitude is of revision 1, now 2:\n    toy seed=0 magnitude(sparsity=0.5)\n' in told
            )
            with expect_fail(ValueError, '4 are of older revisions, which `older()` and --older read'):
                run('effects', '--method', 'magnitude(sparsity=0.5)', '--control', 'recover(epochs=1)')
            assert (
                'recover(epochs=1)'
                in run(
                    'effects',
                    '--older',
                    '--method',
                    'magnitude(sparsity=0.5)',
                    '--control',
                    'recover(epochs=1)',
                    '--metric',
                    'tpr:yes',
                ).output
            )
        assert len(run('publish', f'{folder}/kept').output.splitlines()) == 3 and len(published(f'{folder}/kept')) == 5
        with expect_fail(ValueError, "Unknown format 'word'"): run('show', '--format', 'word')
        with expect_fail(ValueError, 'No cell matches seed=9'): run('run', '--only', 'seed=9')


def test_main_14(): # nbs/api/63_cli.ipynb, cell d118ea56
    """The help of the commands loads neither torch nor pandas."""
    code = (
        "import sys, fairprune; from fairprune.cli import app; from typer.testing import CliRunner; r = "
        "CliRunner().invoke(app, ['--help']); print(r.exit_code, 'torch' in sys.modules, 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout.split() == [
        '0',
        'False',
        'False',
    ]


@pytest.mark.heavy
def test_main_15(): # nbs/api/63_cli.ipynb, cell ce11cf9f
    """Each run of the tests tries forty tables, and the slow test tries five hundred."""
    POOLS = [
        ('0', '1'),
        ('1', '2', '10'),
        ('01', '1', '1.0'),
        ('02134', '2134'),
        ('12345678901234567890', '12345678901234567891'),
        ('None', 'NA', 'nan', 'null'),
        ('True', 'False'),
        ('größer', '日本', 'naïve'),
        ("o'brien", 'x,y', 'p;q', 'say "x"', 'a|b'),
        ('[other]', '-', '#1', '=1+1'),
        ('a b', 'a', 'A'),
        ('1e5', '100000', '1_000'),
        ('2020-01-01', '2020-01-01 00:00:00'),
        ('all', 'judged', 'model', 'across'),
    ]
    def drawn_table(rng): # the columns as text, None where a field is empty; and what `from_file` is told
        n, (labels, members, more) = int(rng.integers(8, 40)), ([POOLS[k] for k in rng.choice(len(POOLS), 3)])
        text = [
            f'{i} '
            + rng.choice(['plain', 'with, comma', 'a "quote"', 'two\nlines', 'ünïcode', "'; |\t", '  space ', 'NULL'])
            for i in range(n)
        ]
        label = [labels[k] for k in rng.permutation(np.arange(n) % 2).tolist()]
        one, two = ([None if rng.random() < .2 else str(rng.choice(pool)) for _ in range(n)] for pool in (members, more))
        names = dict(
            zip(
                ('text', 'label', 'groups', 'id', 'more'),
                rng.permutation(['text', 'Label', 'größe', '0', 'a,b', 'my id', 'x;y', ' c']),
            )
        )
        columns = {
            names['text']: text,
            names['label']: label,
            names['groups']: one,
            names['id']: [f'{i:0{rng.integers(1, 4)}}' + 'x' * i for i in range(n)],
        }
        told = (
            {k: names[k] for k in ('text', 'label', 'groups')}
            | dict(whole='test')
            | ({'id': names['id']} if rng.random() < 0.7 else {})
        )
        if rng.random() < .3: columns |= {names['more']: two}; told |= dict(groups=[names['groups'], names['more']])
        # lists, where the file can hold them
        elif rng.random() < .3:
            columns[names['groups']] = [None if v is None else [v] if w is None else [v, w] for v, w in zip(one, two)]
        return {k: columns[k] for k in rng.permutation(list(columns))}, told
    def expected(columns, told): # what a plain reading gives: ids, texts, labels, groups
        several, n = not isinstance(told['groups'], str), len(columns[told['text']])
        own = [
            [
                (c, v)
                for c in (told['groups'] if several else [told['groups']])
                if columns[c][i] is not None
                for v in ([columns[c][i]] if isinstance(columns[c][i], str) else columns[c][i])
            ]
            for i in range(n)
        ]
        return (
            columns[told['id']] if 'id' in told else [str(i) for i in range(n)],
            columns[told['text']],
            columns[told['label']],
            [sorted({f'{c}={v}' if several else v for c, v in o}) for o in own],
        )
    def spoilt(rng, columns, told): # a fault that nothing can be read through
        columns, n = {k: list(v) for k, v in columns.items()}, len(columns[told['text']])
        kind, k = (
            rng.choice(
                ['empty label', 'empty text', 'same id', 'white space', 'one label', 'no column', 'written list', 'no rows']
            ),
            int(rng.integers(1, n)),
        )
        if kind == 'empty label': columns[told['label']][k] = None
        if kind == 'empty text': columns[told['text']][k] = None
        if kind == 'same id': told = told | dict(id='double'); columns['double'] = [str(i - (i == k)) for i in range(n)]
        if kind == 'white space':
            columns[told['label']][k] += ' '
            columns[told['label']][0] = columns[told['label']][k].strip()
        if kind == 'one label': columns[told['label']] = ['same'] * n
        if kind == 'no column': told = told | dict(label='absent')
        if kind == 'written list': told = told | dict(groups='lists'); columns['lists'] = ["['a', 'b']"] * n
        if kind == 'no rows': columns = {c: [] for c in columns}
        return columns, told
    def typed(rng, values): # the same names as numbers or categories, where they are such
        if any(isinstance(v, list) for v in values): return pd.Series(values, dtype=object)
        numbers = all(v is None or v in ('0', '1', '2', '10') for v in values)
        kinds = [lambda: pd.Series(values, dtype=object), lambda: pd.Series(values, dtype='category')] + numbers * [
            lambda: pd.array([None if v is None else int(v) for v in values], 'Int64'),
            lambda: pd.Series([None if v is None else float(v) for v in values]),
        ]
        return kinds[rng.integers(len(kinds))]()
    def stored(rng, columns, folder, damaged): # the path of a file, and how it is read
        flat = not any(isinstance(v, list) for own in columns.values() for v in own)
        kind, packed = (
            rng.choice(['.json', '.jsonl', '.parquet', '.Parquet'] + flat * ['.csv', '.CSV', '.tsv', '.csv']),
            rng.choice(['', '', '.gz', '.bz2', '.xz', '.zip']),
        )
        path, how = f'{folder}/mine{kind}{packed}', {}
        frame = pd.DataFrame(
            {c: typed(rng, v) if kind.lower() == '.parquet' else pd.Series(v, dtype=object) for c, v in columns.items()}
        )
        if kind.lower() == '.parquet': content = frame.to_parquet(index=bool(rng.integers(2)))
        elif kind in ('.json', '.jsonl'):
            content = frame.to_json(orient='records', lines=kind == '.jsonl', force_ascii=bool(rng.integers(2))).encode()
        else:
            sep, encoding = (
                '\t' if kind == '.tsv' else str(rng.choice(list(',;\t|~'))),
                str(rng.choice(['utf-8', 'utf-8-sig', 'utf-16', 'gb18030'])),
            )
            if sep == '~': how['separator'] = sep
            if not encoding.startswith('utf-8'): how['encoding'] = encoding
            text = frame.to_csv(
                sep=sep,
                index=bool(rng.integers(2)),
                quoting=int(rng.choice([0, 1])),
                lineterminator=str(rng.choice(['\n', '\r\n'])),
            )
            content = (text + damaged * (sep.join('x' * (frame.shape[1] + 2)) + '\n')).encode(encoding) # one field too many
        if damaged and kind[1] in 'jpP': content = content[:len(content) // 2]
        pack = {'.gz': gzip.compress, '.bz2': bz2.compress, '.xz': lzma.compress}.get(packed, lambda content: content)
        if packed == '.zip':
            with zipfile.ZipFile(path, 'w') as archive: archive.writestr('mine' + kind, content)
        else: Path(path).write_bytes(pack(content))
        return path, how
    def judged_as_expected(rng, folder, ids, labels, groups): # predictions, audit and gate against plain pandas
        classes = sorted(set(labels))
        table = pd.DataFrame({'id': typed(rng, ids), 'label': typed(rng, labels), 'groups': groups})
        def saved(name, shuffle):
            logits = rng.normal(size=(len(ids), len(classes))).round(3)
            rows = table.join(pd.DataFrame(logits, columns=[f'logit:{c}' for c in classes]))
            rows.sample(frac=1, random_state=shuffle).to_parquet(f'{folder}/{name}.parquet')
            return (
                pd.DataFrame(dict(right=[classes[k] == l for k, l in zip(logits.argmax(1), labels)], group=groups))
                .explode('group')
                .groupby('group')
                .right.agg(['mean', 'size'])
            )
        before, after = saved('dense', 0), saved('small', 1)
        sides = [Predictions.load(f'{folder}/{name}.parquet') for name in ('dense', 'small')]
        known = dict(zip(sides[0].ids, (sides[0].classes[k] for k in sides[0].labels))) == dict(zip(ids, labels)) and len(
            sides[0]
        ) == len(ids)
        # a group may be called all
        of_groups = run_audit(*sides, n_resamples=100, min_n=2).table.query("metric == 'accuracy' and scope == 'group'")
        audited = of_groups.set_index('group').loc[before.index]
        gated = run_gate(*sides, min_n=2).table.set_index('group').loc[before.index]
        return known and all(
            np.allclose(t.dense, before['mean'])
            and np.allclose(t.compressed, after['mean'])
            and (t.n == before['size']).all()
            for t in (audited, gated)
        )
    def fuzzed(seed): # sound, refused, or wrong
        rng = np.random.default_rng(seed)
        columns, told = drawn_table(rng)
        sound = rng.random() < .75
        damaged = not sound and rng.random() < .3
        if not sound and not damaged: columns, told = spoilt(rng, columns, told)
        with tempfile.TemporaryDirectory() as folder:
            path, how = stored(rng, columns, folder, damaged)
            try: read = from_file(path, **told, **how)
            except ValueError as e: return 'refused' if not sound and path in str(e) else 'wrong'
            ids, texts, labels, groups = expected(columns, told)
            part = read['test'][:]
            right = (part['id'], part['text'], [read.labels[k] for k in part['label']], part['groups']) == (
                ids,
                texts,
                labels,
                groups,
            )
            return (
                'sound'
                if sound and right and (not any(groups) or judged_as_expected(rng, folder, ids, labels, groups))
                else 'wrong'
            )
    outcomes = Counter(map(fuzzed, range(40)))
    assert outcomes['wrong'] == 0 and outcomes['sound'] > 20 and outcomes['refused'] > 4


@pytest.mark.slow
def test_main_16(): # nbs/api/63_cli.ipynb, cell b572fc2b
    POOLS = [
        ('0', '1'),
        ('1', '2', '10'),
        ('01', '1', '1.0'),
        ('02134', '2134'),
        ('12345678901234567890', '12345678901234567891'),
        ('None', 'NA', 'nan', 'null'),
        ('True', 'False'),
        ('größer', '日本', 'naïve'),
        ("o'brien", 'x,y', 'p;q', 'say "x"', 'a|b'),
        ('[other]', '-', '#1', '=1+1'),
        ('a b', 'a', 'A'),
        ('1e5', '100000', '1_000'),
        ('2020-01-01', '2020-01-01 00:00:00'),
        ('all', 'judged', 'model', 'across'),
    ]
    def drawn_table(rng): # the columns as text, None where a field is empty; and what `from_file` is told
        n, (labels, members, more) = int(rng.integers(8, 40)), ([POOLS[k] for k in rng.choice(len(POOLS), 3)])
        text = [
            f'{i} '
            + rng.choice(['plain', 'with, comma', 'a "quote"', 'two\nlines', 'ünïcode', "'; |\t", '  space ', 'NULL'])
            for i in range(n)
        ]
        label = [labels[k] for k in rng.permutation(np.arange(n) % 2).tolist()]
        one, two = ([None if rng.random() < .2 else str(rng.choice(pool)) for _ in range(n)] for pool in (members, more))
        names = dict(
            zip(
                ('text', 'label', 'groups', 'id', 'more'),
                rng.permutation(['text', 'Label', 'größe', '0', 'a,b', 'my id', 'x;y', ' c']),
            )
        )
        columns = {
            names['text']: text,
            names['label']: label,
            names['groups']: one,
            names['id']: [f'{i:0{rng.integers(1, 4)}}' + 'x' * i for i in range(n)],
        }
        told = (
            {k: names[k] for k in ('text', 'label', 'groups')}
            | dict(whole='test')
            | ({'id': names['id']} if rng.random() < 0.7 else {})
        )
        if rng.random() < .3: columns |= {names['more']: two}; told |= dict(groups=[names['groups'], names['more']])
        # lists, where the file can hold them
        elif rng.random() < .3:
            columns[names['groups']] = [None if v is None else [v] if w is None else [v, w] for v, w in zip(one, two)]
        return {k: columns[k] for k in rng.permutation(list(columns))}, told
    def expected(columns, told): # what a plain reading gives: ids, texts, labels, groups
        several, n = not isinstance(told['groups'], str), len(columns[told['text']])
        own = [
            [
                (c, v)
                for c in (told['groups'] if several else [told['groups']])
                if columns[c][i] is not None
                for v in ([columns[c][i]] if isinstance(columns[c][i], str) else columns[c][i])
            ]
            for i in range(n)
        ]
        return (
            columns[told['id']] if 'id' in told else [str(i) for i in range(n)],
            columns[told['text']],
            columns[told['label']],
            [sorted({f'{c}={v}' if several else v for c, v in o}) for o in own],
        )
    def spoilt(rng, columns, told): # a fault that nothing can be read through
        columns, n = {k: list(v) for k, v in columns.items()}, len(columns[told['text']])
        kind, k = (
            rng.choice(
                ['empty label', 'empty text', 'same id', 'white space', 'one label', 'no column', 'written list', 'no rows']
            ),
            int(rng.integers(1, n)),
        )
        if kind == 'empty label': columns[told['label']][k] = None
        if kind == 'empty text': columns[told['text']][k] = None
        if kind == 'same id': told = told | dict(id='double'); columns['double'] = [str(i - (i == k)) for i in range(n)]
        if kind == 'white space':
            columns[told['label']][k] += ' '
            columns[told['label']][0] = columns[told['label']][k].strip()
        if kind == 'one label': columns[told['label']] = ['same'] * n
        if kind == 'no column': told = told | dict(label='absent')
        if kind == 'written list': told = told | dict(groups='lists'); columns['lists'] = ["['a', 'b']"] * n
        if kind == 'no rows': columns = {c: [] for c in columns}
        return columns, told
    def typed(rng, values): # the same names as numbers or categories, where they are such
        if any(isinstance(v, list) for v in values): return pd.Series(values, dtype=object)
        numbers = all(v is None or v in ('0', '1', '2', '10') for v in values)
        kinds = [lambda: pd.Series(values, dtype=object), lambda: pd.Series(values, dtype='category')] + numbers * [
            lambda: pd.array([None if v is None else int(v) for v in values], 'Int64'),
            lambda: pd.Series([None if v is None else float(v) for v in values]),
        ]
        return kinds[rng.integers(len(kinds))]()
    def stored(rng, columns, folder, damaged): # the path of a file, and how it is read
        flat = not any(isinstance(v, list) for own in columns.values() for v in own)
        kind, packed = (
            rng.choice(['.json', '.jsonl', '.parquet', '.Parquet'] + flat * ['.csv', '.CSV', '.tsv', '.csv']),
            rng.choice(['', '', '.gz', '.bz2', '.xz', '.zip']),
        )
        path, how = f'{folder}/mine{kind}{packed}', {}
        frame = pd.DataFrame(
            {c: typed(rng, v) if kind.lower() == '.parquet' else pd.Series(v, dtype=object) for c, v in columns.items()}
        )
        if kind.lower() == '.parquet': content = frame.to_parquet(index=bool(rng.integers(2)))
        elif kind in ('.json', '.jsonl'):
            content = frame.to_json(orient='records', lines=kind == '.jsonl', force_ascii=bool(rng.integers(2))).encode()
        else:
            sep, encoding = (
                '\t' if kind == '.tsv' else str(rng.choice(list(',;\t|~'))),
                str(rng.choice(['utf-8', 'utf-8-sig', 'utf-16', 'gb18030'])),
            )
            if sep == '~': how['separator'] = sep
            if not encoding.startswith('utf-8'): how['encoding'] = encoding
            text = frame.to_csv(
                sep=sep,
                index=bool(rng.integers(2)),
                quoting=int(rng.choice([0, 1])),
                lineterminator=str(rng.choice(['\n', '\r\n'])),
            )
            content = (text + damaged * (sep.join('x' * (frame.shape[1] + 2)) + '\n')).encode(encoding) # one field too many
        if damaged and kind[1] in 'jpP': content = content[:len(content) // 2]
        pack = {'.gz': gzip.compress, '.bz2': bz2.compress, '.xz': lzma.compress}.get(packed, lambda content: content)
        if packed == '.zip':
            with zipfile.ZipFile(path, 'w') as archive: archive.writestr('mine' + kind, content)
        else: Path(path).write_bytes(pack(content))
        return path, how
    def judged_as_expected(rng, folder, ids, labels, groups): # predictions, audit and gate against plain pandas
        classes = sorted(set(labels))
        table = pd.DataFrame({'id': typed(rng, ids), 'label': typed(rng, labels), 'groups': groups})
        def saved(name, shuffle):
            logits = rng.normal(size=(len(ids), len(classes))).round(3)
            rows = table.join(pd.DataFrame(logits, columns=[f'logit:{c}' for c in classes]))
            rows.sample(frac=1, random_state=shuffle).to_parquet(f'{folder}/{name}.parquet')
            return (
                pd.DataFrame(dict(right=[classes[k] == l for k, l in zip(logits.argmax(1), labels)], group=groups))
                .explode('group')
                .groupby('group')
                .right.agg(['mean', 'size'])
            )
        before, after = saved('dense', 0), saved('small', 1)
        sides = [Predictions.load(f'{folder}/{name}.parquet') for name in ('dense', 'small')]
        known = dict(zip(sides[0].ids, (sides[0].classes[k] for k in sides[0].labels))) == dict(zip(ids, labels)) and len(
            sides[0]
        ) == len(ids)
        # a group may be called all
        of_groups = run_audit(*sides, n_resamples=100, min_n=2).table.query("metric == 'accuracy' and scope == 'group'")
        audited = of_groups.set_index('group').loc[before.index]
        gated = run_gate(*sides, min_n=2).table.set_index('group').loc[before.index]
        return known and all(
            np.allclose(t.dense, before['mean'])
            and np.allclose(t.compressed, after['mean'])
            and (t.n == before['size']).all()
            for t in (audited, gated)
        )
    def fuzzed(seed): # sound, refused, or wrong
        rng = np.random.default_rng(seed)
        columns, told = drawn_table(rng)
        sound = rng.random() < .75
        damaged = not sound and rng.random() < .3
        if not sound and not damaged: columns, told = spoilt(rng, columns, told)
        with tempfile.TemporaryDirectory() as folder:
            path, how = stored(rng, columns, folder, damaged)
            try: read = from_file(path, **told, **how)
            except ValueError as e: return 'refused' if not sound and path in str(e) else 'wrong'
            ids, texts, labels, groups = expected(columns, told)
            part = read['test'][:]
            right = (part['id'], part['text'], [read.labels[k] for k in part['label']], part['groups']) == (
                ids,
                texts,
                labels,
                groups,
            )
            return (
                'sound'
                if sound and right and (not any(groups) or judged_as_expected(rng, folder, ids, labels, groups))
                else 'wrong'
            )
    many = Counter(map(fuzzed, range(1000, 1500)))
    assert many['wrong'] == 0 and many['sound'] > 320 and many['refused'] > 80
