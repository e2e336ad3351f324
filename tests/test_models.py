# Generated from nbs/api/01_models.ipynb: edit the notebook
import pytest
import os
import re
import tempfile
import time
import warnings
from pathlib import Path
import numpy as np
import torch
from fairprune.folders import SEAL
from fairprune.named import MINILM, PACKAGED, SMOLLM2
import io
import json
import pandas as pd
import random
import shutil
import signal
import sys
from types import SimpleNamespace
import contextlib
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch
from fastcore.test import expect_fail
from torch.nn.utils import prune
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForPreTraining, BertConfig, BertForPreTraining, DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast
from fairprune.auditing import audit
from fairprune.generation import generate
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude, prunable
from fairprune.layers import head
from fairprune.compress.quantization import Int8
from fairprune.corpus import Corpus, perplexity
from fairprune.data import GroupedText
from fairprune.likelihood import loglikelihoods
from fairprune.models import *
from fairprune.models import _bfloat16_slowness, _gguf, _keep_best, _logits, _parts, _said, _weighted_loss


def test_gguf(): # nbs/api/01_models.ipynb, cell 33b42b6a
    """The last works without a network."""
    assert packaged('sentence-transformers/all-MiniLM-L6-v2').name == 'model' and packaged('someone/else') is None
    with expect_fail(ValueError, 'No folder ./nowhere'): source_of('./nowhere')
    with tempfile.TemporaryDirectory() as folder:
        with expect_fail(ValueError, 'is no model folder'): source_of(folder)
        Path(folder, 'config.json').write_text('{}')
        with expect_fail(ValueError, 'has no weights'): source_of(folder)
        Path(folder, 'q4.gguf').touch()
        assert _gguf(folder) == 'q4.gguf' and _gguf(MINILM) is None
        Path(folder, 'q8.gguf').touch()
        with expect_fail(ValueError, 'holds 2 GGUF files'): _gguf(folder)


def test_is_lm(): # nbs/api/01_models.ipynb, cell eeb62d36
    """Without `labels`, a missing head is an error."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    assert minilm.config.id2label == {0: 'no', 1: 'yes'}
    with expect_fail(
        ValueError,
        'missing weights, 2 in all, such as classifier.bias. The checkpoint is for another architecture or size than '
        'config.json says, or has no head of its own: give `labels`',
    ):
        load_classifier(MINILM)


def test_is_lm_2(): # nbs/api/01_models.ipynb, cell ce279076
    """The mistake from the introduction, DistilBERT's checkpoint in BERT's architecture, is noticed."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    with tempfile.TemporaryDirectory() as folder, quietly():
        small = DistilBertForSequenceClassification(
            DistilBertConfig(vocab_size=30522, dim=32, hidden_dim=32, n_layers=1, n_heads=2)
        )
        small.save_pretrained(folder); minilm.tokenizer.save_pretrained(folder)
        config = BertConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2).to_dict()
        Path(folder, 'config.json').write_text(json.dumps(config))
        with expect_fail(ValueError, 'missing weights'): load_classifier(folder, labels=['a', 'b'])


@pytest.mark.slow
def test_load(): # nbs/api/01_models.ipynb, cell 4a771748
    """Both are read in one batch, because `Int8` rounds a whole batch by its largest number."""
    with redirect_stderr(io.StringIO()): lm = load_lm(SMOLLM2)
    with torch.no_grad(): out = lm(**lm.tokenizer('The capital of France is', return_tensors='pt')).logits
    assert lm.tokenizer.decode(out[0, -1].argmax()).strip() == 'Paris'


def test_save(): # nbs/api/01_models.ipynb, cell 711baee3
    """A folder that holds other files but no model is refused."""
    minilm = load_classifier(MINILM, labels=['no', 'yes'])
    with tempfile.TemporaryDirectory() as folder:
        again = load_classifier(save(minilm, Path(folder)/'model'))
        Path(folder, 'file').write_text('mine')
        with expect_fail(ValueError, 'Cannot write to'): save(minilm, Path(folder)/'file'/'model')
        with expect_fail(ValueError, 'not empty and holds no model'): save(minilm, folder)
    assert all(torch.equal(a, b) for a, b in zip(minilm.state_dict().values(), again.state_dict().values()))


def test_tiny_masked_lm(): # nbs/api/01_models.ipynb, cell e1abd953
    """`load` finds out for itself what was saved, and says what it cannot use."""
    with tempfile.TemporaryDirectory() as folder:
        for model in (tiny_classifier(), tiny_lm('gpt2'), tiny_masked_lm('roberta')):
            assert type(load(save(model, Path(folder)/'model'))) is type(model)
        with expect_fail(ValueError, 'is no model folder'): load(folder)


def test_tiny_masked_lm_2(): # nbs/api/01_models.ipynb, cell 3c843459
    """BERT's own checkpoints also hold a pooler and a head for predicting the next sentence; both are ignored."""
    pretrained = BertForPreTraining(tiny_masked_lm().config)
    pretrained.tokenizer = tiny_masked_lm().tokenizer
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()): # says what is left over
        again = load_masked_lm(save(pretrained, Path(folder)/'model'))
    assert torch.equal(again.cls.predictions.transform.dense.weight, pretrained.cls.predictions.transform.dense.weight)
    assert again.get_output_embeddings().weight is again.get_input_embeddings().weight and not is_lm(again)
    with expect_fail(ValueError, "no AutoModelForMaskedLM of the architecture 'gpt2'"): tiny_masked_lm('gpt2')


def test_tiny_masked_lm_3(): # nbs/api/01_models.ipynb, cell 08a23103
    """An encoder without that head is refused, and so is DistilBERT's checkpoint in BERT's architecture, of which no tensor would be used."""
    with expect_fail(
        ValueError,
        'missing weights, 6 in all, such as cls.predictions.bias. The checkpoint is for another architecture or size '
        'than config.json says, or an encoder without a masked-LM head',
    ):
        load_masked_lm(MINILM)
    with tempfile.TemporaryDirectory() as folder:
        save(tiny_masked_lm('distilbert'), Path(folder)/'model')
        (Path(folder)/'model'/'config.json').write_text(json.dumps(tiny_masked_lm().config.to_dict()))
        (Path(folder)/'model'/SEAL).unlink()
        with expect_fail(ValueError, 'missing weights'): load_masked_lm(Path(folder)/'model')
        save(tiny_lm(), Path(folder)/'lm')
        with expect_fail(ValueError, "no AutoModelForMaskedLM of the architecture 'llama'"):
            load_masked_lm(Path(folder)/'lm')
    with expect_fail(ValueError, 'holds a GGUF file, that is a causal language model'): load_masked_lm(SMOLLM2)


def test_tiny_masked_lm_4(): # nbs/api/01_models.ipynb, cell c0aa74b9
    """Its head is not compressed, as no head is."""
    ids = torch.arange(1000, 1010)[None]
    for family in ('bert', 'distilbert', 'roberta'):
        whole = tiny_masked_lm(family)
        assert len(prunable(whole)) == 12
        with tempfile.TemporaryDirectory() as folder:
            for less in (Magnitude(.5)(whole), Int8()(whole), (Magnitude(.5) >> Int8())(whole)):
                again = load(save(less, Path(folder)/'model'))
                assert again.record == less.record and less.record.bytes < whole.record.bytes
                assert torch.equal(again(input_ids=ids).logits, less(input_ids=ids).logits)


def test_tiny_masked_lm_5(): # nbs/api/01_models.ipynb, cell 6462c313
    tiny = tiny_classifier()
    assert tiny.num_parameters() < 2e6 and tiny.config.num_labels == 2


def test_tiny_masked_lm_6(): # nbs/api/01_models.ipynb, cell 79a95df7
    """`save` writes checksums, so a file that was changed on purpose is refused as well; to use it, delete `fairprune.json`, or save the model again."""
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        named = save(tiny_classifier(), f'{home}/model'); config_file = named/'config.json'
        config_file.write_text(config_file.read_text().replace('"yes"', '"oui"'))
        with expect_fail(ValueError, f'{named}: config.json is not as it was saved'): load(named)
        (named/SEAL).unlink(); assert load(named).config.id2label == {0: 'no', 1: 'oui'}


def test_tiny_masked_lm_7(): # nbs/api/01_models.ipynb, cell d26deea3
    """Code in the folder is not run, neither for the model nor for the tokenizer."""
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )


def test_tiny_masked_lm_8(): # nbs/api/01_models.ipynb, cell 036f7327
    """What the library does not know is refused: numbers, layouts, entries of its own kind, tokens, and weights that are pickled."""
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    for changes, why in (
        (dict(quantization_config=dict(quant_method='unheard-of')), "quant_method = 'unheard-of', which is not known"),
        (
            dict(quantization_config=dict(quant_method='fairprune', steps=[['bert', dict(kind='os.system')]])),
            "turns bert into a 'os.system'",
        ),
        (
            dict(
                quantization_config=dict(
                    quant_method='fairprune', steps=[['bert.pooler.dense', dict(kind='int8', pruned='no')]]
                )
            ),
            "with pruned = 'no'",
        ),
        (
            dict(quantization_config=dict(quant_method='fairprune', steps=[['bert.nowhere', dict(kind='int8')]])),
            'turns bert.nowhere into',
        ),
        (
            dict(
                quantization_config=dict(
                    quant_method='fairprune', steps=[['bert.pooler.dense', dict(kind='low_rank', rank=2)]]
                )
            ),
            'wants bert.pooler.dense.weight with the shape (32, 2), and the weights have it with (32, 32)',
        ),
        (dict(fairprune=dict(method='int8()', parameters='many')), 'The record of the model is damaged'),
        (dict(fairprune_frozen=['nobody']), "names 'nobody'"),
        (dict(fairprune_adjustment=dict(kind='oracle')), 'fairprune_adjustment is damaged'),
        (dict(vocab_size=10**9), 'describes a model of 32,'),
        (dict(vocab_size='many'), 'config.json'),
        (dict(hidden_size=31), 'config.json'),
        (dict(architectures=7), 'config.json'),
        (dict(transformers_weights='../a.safetensors'), 'lies outside the folder'),
    ):
        with tempfile.TemporaryDirectory() as home:
            wrong = edited(save(tiny_classifier(), f'{home}/model'), **changes)
            with expect_fail(ValueError, why): load(wrong)
            try: load(wrong)
            except ValueError as e:
                assert str(e).startswith(f'{wrong}: ') and 'config.json' in str(e) or 'lies outside' in str(e), e


def test_tiny_masked_lm_9(): # nbs/api/01_models.ipynb, cell 15bf10ce
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        other = save(tiny_classifier(), f'{home}/model'); weights_file = other/'model.safetensors'
        edited(other, 'tokenizer_config.json', cls_token='[NEW]') # which takes a number of its own
        with expect_fail(ValueError, 'the tokenizer is that of another model'): load(other)
        edited(other, 'tokenizer_config.json', cls_token='[CLS]', fairprune_class='AutoModel')
        with expect_fail(ValueError, "tokenizer_config.json names the class 'AutoModel', which is no tokenizer"):
            load(other)
        edited(other, 'tokenizer_config.json', fairprune_class=None)
        load(other)
        (other/'tokenizer.json').rename(other/'was.json')
        with expect_fail(ValueError, 'tokenizer.json is missing'): load(other)
        weights_file.rename(other/'pytorch_model.bin')
        with expect_fail(
            ValueError,
            'no model.safetensors, nor another safetensors file. Save the model with `save_pretrained`; pickled weights '
            'are not read',
        ):
            load(other)


def test_tiny_masked_lm_10(): # nbs/api/01_models.ipynb, cell c5153b88
    """Two classes where three are asked for are an ordinary case, in whatever form the layers are: the head is fresh."""
    with tempfile.TemporaryDirectory() as home:
        for method in ('', 'int8()', 'magnitude(sparsity=0.8)', 'lowrank(rank=2)'):
            two = save(parse(method)(tiny_classifier()) if method else tiny_classifier(), f'{home}/two')
            with redirect_stdout(io.StringIO()) as said: assert load_classifier(two, ['a', 'b', 'c']).config.num_labels == 3
            assert said.getvalue() == 'Fresh classification head for 3 labels: classifier.bias, classifier.weight\n'


@pytest.mark.heavy
def test_tiny_masked_lm_11(): # nbs/api/01_models.ipynb, cell ca1d6ee7
    """How `save` behaves in all kinds of folders: it replaces a model and nothing else, or it refuses before any work, and then no file has changed."""
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    saved_model = tiny_classifier(('yes', 'no'))
    def a_project(folder, **config):
        for name in ('.git/HEAD', 'docs/notes.md', 'data.csv'):
            (folder/name).parent.mkdir(parents=True, exist_ok=True)
            (folder/name).write_text('mine')
        if config: (folder/'config.json').write_text(json.dumps(config))
    def a_model(folder):
        save(tiny_classifier('abcd', family='roberta'), folder); a_project(folder)
    def an_old_model(folder):
        a_model(folder)
        shards = {name: name for name in ('model-00001-of-00002.safetensors', 'more-weights.safetensors')}
        for name in (
            'pytorch_model.bin',
            'adapter_config.json',
            'adapter_model.safetensors',
            'generation_config.json',
            'vocab.txt',
            'added_tokens.json',
            *shards,
        ):
            (folder/name).write_text('{}')
        (folder/'model.safetensors.index.json').write_text(json.dumps(dict(weight_map=shards)))
    def a_t5(folder):
        save(tiny_classifier(family='t5'), folder); (folder/'spiece.model').write_text('old')
        said = _said(folder, 'tokenizer_config.json') | dict(tokenizer_class='T5Tokenizer', fairprune_class=None)
        (folder/'tokenizer_config.json').write_text(json.dumps(said))
    def a_snapshot(folder):
        a_model(folder/'../blobs')
        for file in (folder/'../blobs').iterdir(): (folder/file.name).symlink_to(f'../blobs/{file.name}')
    def further_weights(folder): a_model(folder); (folder/'embeddings.safetensors').write_text('mine')
    def a_checkpoint(folder): a_project(folder, model_type='bert')
    known = {
        'a new folder': ('new/model', None),
        'an empty one': ('', None),
        'a model, .git, docs, data': ('', a_model),
        "the same, as '.'": ('.', a_model),
        'by way of a link': ('../link', a_model),
        'shards, adapter, pickled weights': ('', an_old_model),
        "another tokenizer's files": ('', a_t5),
        'a snapshot of links': ('', a_snapshot),
        'a project': ('', lambda f: a_project(f, port=8080)),
        'another kind of model': ('', lambda f: a_project(f, model_type='xgboost')),
        'a configuration alone': ('', a_checkpoint),
        'a home': ('', lambda f: (f / '.bashrc').write_text('mine')),
        'above the model': ('..', a_model),
        'a broken config.json': ('', lambda f: (a_model(f), (f / 'config.json').write_text('{'))),
        'weights that are none of it': ('', further_weights),
        'a file': ('data.csv', a_project),
        'a link that leads nowhere': ('link', lambda f: (f / 'link').symlink_to('nowhere')),
        'a tilde': ('~/model', None),
    }
    def everything(home):
        return {
            str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob('*')) if p.is_file() and p.name != 'link'
        }
    def outcome(place, make):
        with tempfile.TemporaryDirectory() as home, contextlib.chdir(home):
            folder = Path(home).resolve()/'folder'
            folder.mkdir(); Path('link').symlink_to('folder')
            if make: make(folder)
            os.chdir(folder)
            before, place = everything(folder.parent), place or folder
            try:
                with patch.object(
                    type(saved_model), 'save_pretrained', autospec=True, side_effect=type(saved_model).save_pretrained
                ) as work:
                    save(saved_model, place)
            except ValueError as e:
                assert everything(folder.parent) == before and not work.called
                return dict(
                    save=re.split(
                        '(?<=no model): |[.] ', str(e).replace(str(folder), '').replace(str(folder.parent), '').strip()
                    )[0],
                    gone='nothing',
                )
            after, new = (
                everything(folder.parent),
                {p for p in Path(place).resolve().iterdir() if p.name not in ('.git', 'docs', 'data.csv')},
            )
            assert {p.name for p in new} == {
                'config.json',
                'model.safetensors',
                'tokenizer.json',
                'tokenizer_config.json',
                SEAL,
            }
            assert all(after[k] == before[k] for k in before if k in after and folder.parent/k not in new)
            assert all(
                torch.equal(a, b) for a, b in zip(saved_model.state_dict().values(), load(place).state_dict().values())
            )
            return dict(
                save='the new model',
                gone=', '.join(k.removeprefix('folder/') for k in before if k not in after) or 'nothing',
            )
    outcomes = pd.DataFrame([dict(folder=name, **outcome(*case)) for name, case in known.items()]).set_index('folder')
    assert (outcomes.save == 'the new model').sum() == 8 and (outcomes.gone != 'nothing').sum() == 2


def test_tiny_masked_lm_12(): # nbs/api/01_models.ipynb, cell 14228a88
    """Where nothing can be written, and where the disk is full, the old model stays."""
    saved_model = tiny_classifier(('yes', 'no'))
    with tempfile.TemporaryDirectory() as saved_in:
        save(saved_model, saved_in); old_files = {p.name: p.read_bytes() for p in Path(saved_in).iterdir()}
        with (
            patch('tempfile.mkdtemp', side_effect=PermissionError(13, 'Permission denied')),
            expect_fail(ValueError, f'Cannot write to {saved_in}: Permission denied.'),
        ):
            save(saved_model, saved_in)
        with (
            patch('os.fsync', side_effect=OSError(28, 'No space left on device')),
            expect_fail(ValueError, f'No space left in {saved_in}. Free some'),
        ):
            save(saved_model, saved_in)
        assert {p.name: p.read_bytes() for p in Path(saved_in).iterdir()} == old_files


@pytest.mark.heavy
@pytest.mark.slow
def test_tiny_masked_lm_13(): # nbs/api/01_models.ipynb, cell 3a63cf4f
    """Each time there is one whole model under the name, and all other files stay."""
    saved_model = tiny_classifier(('yes', 'no'))
    def a_project(folder, **config):
        for name in ('.git/HEAD', 'docs/notes.md', 'data.csv'):
            (folder/name).parent.mkdir(parents=True, exist_ok=True)
            (folder/name).write_text('mine')
        if config: (folder/'config.json').write_text(json.dumps(config))
    def killed_in_save(models, folder):
        "Save one of the models after the other in a child, and kill that within a second."
        child = os.fork()
        if not child:
            try:
                while True: save(models[random.random() < .5], folder)
            finally: os._exit(1)
        time.sleep(random.uniform(.1, 1)); os.kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1] == signal.SIGKILL
    both_models = [saved_model, tiny_lm()]
    with tempfile.TemporaryDirectory() as killed_at:
        project = Path(save(saved_model, killed_at)); a_project(project)
        for _ in range(50):
            assert killed_in_save(both_models, project)
            again = load(project)
            whole = both_models[type(again) is type(both_models[1])]
            assert type(again) is type(whole) and all(
                torch.equal(a, b) for a, b in zip(again.state_dict().values(), whole.state_dict().values())
            )
            assert [(project/name).read_text() for name in ('.git/HEAD', 'docs/notes.md', 'data.csv')] == ['mine'] * 3
        assert sorted(os.listdir(save(saved_model, project))) == [
            '.git',
            'config.json',
            'data.csv',
            'docs',
            'fairprune.json',
            'model.safetensors',
            'tokenizer.json',
            'tokenizer_config.json',
        ]


def test_tiny_masked_lm_14(): # nbs/api/01_models.ipynb, cell 96ca7fb2
    """Funnel's classifier has no decoder, so Funnel's body has none."""
    (bert_body, bert_parts), (funnel_body, funnel_parts) = (
        _parts(tiny_classifier(family=f).config) for f in ('bert', 'funnel')
    )
    assert (
        bert_parts - bert_body == {'pooler.dense.weight', 'pooler.dense.bias'}
        and 'encoder.layer.1.output.dense.weight' in bert_body
    )
    assert {k.split('.')[0] for k in funnel_parts - funnel_body} == {'decoder'} and 'ln_f.weight' in _parts(
        tiny_lm('gpt2').config
    )[0]


def test_tiny_masked_lm_15(): # nbs/api/01_models.ipynb, cell 5637523a
    """Loading prints this."""
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
        published = BertForPreTraining(tiny_classifier().config)
        by_name = load_classifier(hub_folder(published, folder), labels=['no', 'yes'])
        assert torch.equal(by_name.bert.pooler.dense.weight, published.bert.pooler.dense.weight)
    assert said.getvalue().startswith(
        'Fresh classification head for 2 labels: classifier.bias, classifier.weight; left over: cls.predictions, '
    )


def test_tiny_masked_lm_16(): # nbs/api/01_models.ipynb, cell b945ae6e
    """For other labels the layer that gives the logits is fresh, drawn by the seed."""
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
        published = BertForPreTraining(tiny_classifier().config)
        by_name = load_classifier(hub_folder(published, folder), labels=['no', 'yes'])
        assert torch.equal(by_name.bert.pooler.dense.weight, published.bert.pooler.dense.weight)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
        trained = tiny_classifier()
        save(trained, Path(folder)/'model')
        same, other, again, more = (
            load_classifier(Path(folder) / 'model', labels).classifier.weight
            for labels in (('no', 'yes'), ('neutral', 'hate'), ('neutral', 'hate'), 'abc')
        )
        unnamed = hub_folder(tiny_classifier(('LABEL_0', 'LABEL_1')), Path(folder)/'unnamed')
        assert torch.equal(load_classifier(unnamed, ['no', 'yes']).classifier.weight, trained.classifier.weight)
    assert (
        torch.equal(same, trained.classifier.weight)
        and torch.equal(other, again)
        and not torch.equal(other, same)
        and more.shape == (3, 32)
        and other.std() > 0.01
    )
    assert said.getvalue().splitlines() == 2 * [
        'Fresh classification head for 2 labels: classifier.bias, classifier.weight'
    ] + ['Fresh classification head for 3 labels: classifier.bias, classifier.weight']


def test_tiny_masked_lm_17(): # nbs/api/01_models.ipynb, cell f82e3274
    """For other labels only its classification head is fresh all the same."""
    from_heads = parse("heads(score='magnitude')")(tiny_classifier(('a', 'b'), family='gpt2'))
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        relabelled = load_classifier(save(from_heads, folder), ['x', 'y']).state_dict()
    assert [n for n, w in from_heads.state_dict().items() if not torch.equal(w, relabelled[n])] == ['score.weight']


def test_tiny_masked_lm_18(): # nbs/api/01_models.ipynb, cell c43935a2
    """A language model that was saved in half precision is read in float32, and its record says so."""
    with tempfile.TemporaryDirectory() as folder: read_whole = load(save(Magnitude(.5)(tiny_lm().bfloat16()), folder))
    assert (
        read_whole.dtype == torch.float32
        and read_whole.record.arithmetic == 'float32'
        and read_whole.record.method == 'magnitude()'
    )


def test_tiny_masked_lm_19(): # nbs/api/01_models.ipynb, cell 4ad1eaad
    """A language model that reads both ways is refused, a masked one by `load_lm` as much as BART by `load_masked_lm`."""
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    with tempfile.TemporaryDirectory() as folder:
        for family in ('roberta', 'bert'):
            with expect_fail(ValueError, 'reads both ways'): load_lm(hub_folder(tiny_masked_lm(family), folder))
        with expect_fail(ValueError, 'reads both ways'): load_lm(hub_folder(tiny_lm('xlnet'), folder))
        one_way = load_lm(hub_folder(tiny_lm('roberta', is_decoder=True), folder))
        with expect_fail(ValueError, 'is an encoder-decoder'): load_masked_lm(hub_folder(tiny_masked_lm('bart'), folder))
        with expect_fail(ValueError, "no AutoModelForCausalLM of the architecture 't5'"):
            load_lm(hub_folder(tiny_classifier(family='t5'), folder))
        assert one_way.config.is_decoder and causal(Int8()(one_way))


@pytest.mark.slow
def test_tiny_masked_lm_20(): # nbs/api/01_models.ipynb, cell 01efa69f
    """A GGUF file of one's own is loaded from its folder, with or without a `config.json` beside it."""
    with redirect_stderr(io.StringIO()): lm = load_lm(SMOLLM2)
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
        shutil.copy(packaged(SMOLLM2)/PACKAGED[SMOLLM2][2], Path(folder)/'mine.gguf')
        own = load(folder)
        lm.config.save_pretrained(folder)
        also = load_lm(folder)
        with expect_fail(ValueError, 'holds a GGUF file'): load_classifier(folder, 'ab')
    assert all(
        torch.equal(a, b) and torch.equal(a, c)
        for a, b, c in zip(lm.state_dict().values(), own.state_dict().values(), also.state_dict().values())
    )


def test_tiny_masked_lm_21(): # nbs/api/01_models.ipynb, cell bd9f3a87
    """The tokenizer comes back as it was: BERT's beside a Qwen2 model, for which `AutoTokenizer` would take Qwen2's, and one whose rules were changed in memory."""
    with tempfile.TemporaryDirectory() as folder:
        qwen = tiny_classifier(family='qwen2')
        assert (
            load(save(qwen, folder)).tokenizer('A good word!')['input_ids']
            == qwen.tokenizer('A good word!')['input_ids']
            == [101, 1037, 2204, 2773, 999, 102]
        )
        changed = tiny_classifier()
        changed.tokenizer.backend_tokenizer.normalizer = None # 'Good' is unknown now
        assert (
            load(save(changed, folder)).tokenizer('Good word')['input_ids']
            == changed.tokenizer('Good word')['input_ids']
            == [101, 100, 2773, 102]
        )
        del changed.tokenizer
        with expect_fail(ValueError, 'The model has no tokenizer: set model.tokenizer'): save(changed, folder)


def test_need_kind(): # nbs/api/01_models.ipynb, cell 28c27e9a
    """So a test finds out whether a model attends to earlier tokens alone."""
    bert = tiny_classifier()
    assert [model_kind(m) for m in (tiny_lm(), tiny_masked_lm(), bert, bert.bert)] == [
        'causal',
        'masked',
        'classifier',
        'encoder',
    ]
    assert need_kind(tiny_lm(), 'causal', 'masked') == 'causal'
    with expect_fail(
        ValueError,
        'StereoSet needs a causal language model or a masked language model; the model is an encoder without a masked-LM '
        'head',
    ):
        need_kind(bert.bert, 'causal', 'masked', what='StereoSet')
    with expect_fail(ValueError, 'tiny (RobertaForCausalLM) reads the words after a token as well'):
        need_kind(tiny_lm('roberta'), 'causal')
    for family in ('bert', 'electra', 'xlnet'): assert not causal(tiny_lm(family))
    with quietly(): assert causal(tiny_lm('mamba'))
    assert causal(tiny_lm('bert', is_decoder=True)) and causal(tiny_lm('gpt_neox', is_decoder=False))
    bert.config.is_encoder_decoder = True
    with expect_fail(ValueError, 'is an encoder-decoder'): model_kind(bert)


def test_batched_by_length(): # nbs/api/01_models.ipynb, cell 7785241a
    """Many tokenizers of decoders are set to pad on the left, for generating; that setting is not used here."""
    assert batched_by_length([3, 9, 4, 1], 10) == [[1], [2, 0], [3]]
    lengths = np.random.default_rng(0).integers(5, 60, 500)
    places = sum(len(b) * lengths[b[0]] for b in batched_by_length(lengths, 1024))
    assert sorted(sum(batched_by_length(lengths, 1024), [])) == list(range(500)) and places < 1.1 * lengths.sum()


def test_versions(): # nbs/api/01_models.ipynb, cell bdcd6ee2
    """All five architectures read short texts and long ones."""
    tiny = tiny_classifier()
    for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        found = logits(tiny_classifier('abc', family=family), ['short', 'long ' * 300])
        assert found.shape == (2, 3) and np.isfinite(found).all()
    assert [is_lm(m) for m in (tiny, tiny_lm(), tiny_lm('gpt2'))] == [False, True, True]
    with expect_fail(ValueError, "Unknown architecture 'rnn'"): tiny_classifier(family='rnn')


def test_versions_2(): # nbs/api/01_models.ipynb, cell 1a8d5dbf
    """A model in training mode is still in training mode after a prediction, also if the prediction ended in an error."""
    learner = tiny_classifier().train()
    logits(learner, ['a text'])
    assert learner.training
    learner.classifier.weight.data = torch.zeros(2, 3) # does not fit
    with expect_fail(RuntimeError): logits(learner, ['a text'])
    assert learner.training


def test_read_places(): # nbs/api/01_models.ipynb, cell 4637d76c
    """The two rows together tell the first column from the first token of the text, and the last token from the last column."""
    first = ('bert', 'camembert', 'albert', 'mobilebert', 'modernbert', 'deberta-v2', 'funnel')
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1]])
    for family in (*first, 'gpt2', 'llama', 'bloom', 'modernbert-decoder', 'xlnet', 'bart'):
        want = [0, 0] if family in first else [4, 4] if family == 'xlnet' else [2, 4]
        assert read_places(tiny_classifier(family=family), mask).tolist() == want, family
    for family in ('bert', 'xlnet', 'llama', 'bloom', 'modernbert-decoder'):
        assert causal(tiny_classifier(family=family)) == (family not in ('bert', 'xlnet'))
    for family in ('opt', 'bloom', 'gpt_neox'): assert causal(tiny_lm(family))
    mean = tiny_classifier(family='modernbert', classifier_pooling='mean')
    with expect_fail(ValueError, 'reads 5 of the 5 tokens of a text'): read_places(mean, mask)
    for family in ('bert', 'bloom'): # packed products lend no gradient by themselves
        eight = Int8()(tiny_classifier(family=family))
        assert read_places(eight, mask).tolist() == ([2, 4] if causal(eight) else [0, 0]) and causal(eight) == (
            family == 'bloom'
        )
    still = tiny_lm('gpt2').requires_grad_(False).train() # what is frozen has its gradients here too, and stays as it was
    assert causal(still) and still.training and not any(p.requires_grad for p in still.parameters())


def test_read_places_2(): # nbs/api/01_models.ipynb, cell 56ced5e2
    """RoBERTa has fewer places than its configuration says, XLNet reads texts of any length."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    def apart(a, b): return abs(a - b).max() > 1e-7
    for family, places in dict(bert=128, roberta=128, gpt2=128, llama=128, xlnet=300).items():
        reader = tiny_classifier(family=family); reader.tokenizer.model_max_length = 10**30 # does not know
        # they differ in the last word
        late = [' '.join(['so'] * n + [end]) for n in (places - 10, 400) for end in ('good', 'bad')]
        (near, other, far, away), cut = _logits(reader, late)
        assert apart(near, other) and apart(far, away) == (family == 'xlnet') and cut == (0 if family == 'xlnet' else 2)
        (near, other, *_), cut = _logits(reader, late, max_length=60)
        assert not apart(near, other) and cut == 4
    with expect_fail(ValueError, 'max_length = 2: give more than the 2 special tokens'):
        logits(tiny, ['short'], max_length=2)


def test_features(): # nbs/api/01_models.ipynb, cell afe11618
    """The last layer of a decoder gets a vector at every token, and the vector at the token that is read counts."""
    for family in (
        'bert',
        'distilbert',
        'xlm-roberta',
        'gpt2',
        'llama',
        'bloom',
        'modernbert-decoder',
        't5',
        'bart',
        'funnel',
    ):
        some = tiny_classifier('abc', family=family)
        last, short_and_long = head(some), ['a text', 'a longer text of some words']
        found, vectors = logits(some, short_and_long), features(some, short_and_long)
        bias = 0 if last.bias is None else last.bias.detach().numpy()
        assert vectors.shape == (2, 32) and np.allclose(
            vectors @ last.weight.detach().numpy().T + bias, found, atol=1e-6
        ), family


@pytest.mark.heavy
def test_features_2(): # nbs/api/01_models.ipynb, cell 675af4d1
    """As classifiers they get one, and what they say does not depend on the batch, whichever side their tokenizer pads."""
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    def without_padding():
        rules = tiny_lm().tokenizer.backend_tokenizer
        rules.no_padding()
        return PreTrainedTokenizerFast(tokenizer_object=rules, unk_token='[UNK]', eos_token='[SEP]', model_max_length=128)
    short_and_long = ['a text', 'one that is longer than that', 'word ' * 30]
    def batch_free(model):
        "Whether three texts are read alike alone and together."
        alone = np.concatenate([logits(model, [t]) for t in short_and_long])
        together = []
        for model.tokenizer.padding_side in ('left', 'right'): together.append(logits(model, short_and_long))
        return all(np.allclose(found, alone, atol=1e-5) for found in together)
    for family in TINY:
        if family in ('granite', 'mamba'): continue
        assert batch_free(tiny_classifier('abc', family=family)), family
    for family in ('gpt2', 'llama'):
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
            unpadded = hub_folder(
                AutoModelForCausalLM.from_config(tiny_lm(family, pad_token_id=None).config), folder, without_padding()
            )
            decoder = load_classifier(unpadded, 'abc')
            again = load(save(decoder, Path(folder)/'model'))
        assert 'padding token: [SEP]' in said.getvalue() and decoder.config.pad_token_id == 102 and batch_free(decoder)
        assert np.array_equal(logits(again, short_and_long), logits(decoder, short_and_long))


def test_predicted(): # nbs/api/01_models.ipynb, cell e9498273
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    tiny_predictions = predict(tiny, toy)
    alone = [logits(tiny, [t])[0] for t in toy['test']['text'][:5]]
    assert np.allclose(tiny_predictions.logits[:5], alone, atol=1e-5)
    with expect_fail(ValueError, 'The model has the labels a, b, c'): predict(tiny_classifier('abc'), toy)


def test_transferred(): # nbs/api/01_models.ipynb, cell 9530c72b
    """Both are mapped to common names: *offensive* and *hatespeech* of one data set may be the *hate* of another."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    three, common = tiny_classifier(('fine', 'rude', 'vile')), dict(harmless=['fine', 'no'], toxic=['rude', 'vile', 'yes'])
    abroad = transferred(three, toy, common)
    p = predict(
        three, GroupedText.from_frame(words.assign(label='fine'), labels=('fine', 'rude', 'vile'), name='toy')
    ).probabilities
    assert (
        abroad.classes == ('harmless', 'toxic')
        and np.allclose(abroad.probabilities, np.c_[p[:, 0], p[:, 1:].sum(1)], atol=1e-6)
        and abroad.labels.tolist() == toy['test']['label']
    )
    with expect_fail(ValueError, 'No common name for vile'):
        transferred(three, toy, dict(harmless=['fine', 'no'], toxic=['rude', 'yes']))
    with expect_fail(ValueError, "'toxic' stands for no class of the model"):
        transferred(tiny, toy, dict(harmless=['no', 'yes'], toxic=['rude']))


def test_class_weights(): # nbs/api/01_models.ipynb, cell 84c64645
    """A language model is trained on windows of running text, and its best epoch is the one with the lowest loss."""
    assert class_weights([0, 0, 0, 1], 2).tolist() == [np.float32(2 / 3), 2]
    with expect_fail(ValueError, 'Class 1 has no training text'): class_weights([0, 0], 2)


def test_weighted_loss(): # nbs/api/01_models.ipynb, cell d6f5e03e
    """It keeps the second epoch and stops after the third."""
    control, layer, watch = SimpleNamespace(should_training_stop=False), torch.nn.Linear(1, 1), _keep_best(patience=1)
    for epoch, accuracy in enumerate((.5, .7, .6)):
        assert not control.should_training_stop
        layer.weight.data.fill_(epoch)
        watch.on_evaluate(None, None, control, {'eval_accuracy': accuracy}, layer)
    assert control.should_training_stop and watch.best == .7 and watch.weights['weight'].item() == 1


def test_weighted_loss_2(): # nbs/api/01_models.ipynb, cell 3faeb140
    # probabilities 1/2 and 3/4 of the right class
    outputs = SimpleNamespace(logits=torch.tensor([[0., 0.], [0., float(np.log(3))]]))
    loss = _weighted_loss(torch.tensor([1., 3.]))(outputs, torch.tensor([0, 1]))
    assert torch.isclose(loss, torch.tensor((np.log(2) + 3 * np.log(4 / 3)) / 4, dtype=torch.float32)) # a weighted mean


def test_trainer(): # nbs/api/01_models.ipynb, cell 51b37d32
    """A random model of two layers learns to tell two words apart; the same seed gives the same weights."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    learned, once_more = (finetune(tiny, toy, epochs=4, lr=5e-3, progress=False, seed=1) for _ in range(2))
    assert predict(learned, toy).accuracy > .95 > predict(tiny, toy).accuracy
    assert all(torch.equal(a, b) for a, b in zip(learned.state_dict().values(), once_more.state_dict().values()))
    with expect_fail(ValueError, 'patience = 0'): finetune(tiny, toy, patience=0)


def test_trainer_2(): # nbs/api/01_models.ipynb, cell 55f90f98
    """It prints how many texts are cut by this."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    assert (
        said.getvalue()
        == f'{len(toy["train"])} of {len(toy["train"])} training texts are longer than 3 tokens and were cut: max_length.\n'
    )


def test_trainer_3(): # nbs/api/01_models.ipynb, cell 0044b511
    """So the model and its saved copy give the same answers, and further training gives the same result for both."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    half_precision = finetune(tiny, toy, epochs=1, lr=5e-3, progress=False, bf16=True)
    with tempfile.TemporaryDirectory() as folder: from_disk = load(save(half_precision, folder))
    assert np.array_equal(logits(half_precision, toy['test']['text']), logits(from_disk, toy['test']['text']))
    later, too = (
        finetune(m, toy, epochs=1, lr=5e-3, progress=False, bf16=True).state_dict() for m in (half_precision, from_disk)
    )
    assert all(torch.equal(w, too[n]) for n, w in later.items())


def test_trainer_4(): # nbs/api/01_models.ipynb, cell 5e9ab17b
    """If a model was trained several times, the last training counts."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    half_precision = finetune(tiny, toy, epochs=1, lr=5e-3, progress=False, bf16=True)
    with tempfile.TemporaryDirectory() as folder: from_disk = load(save(half_precision, folder))
    assert half_precision.record.arithmetic == from_disk.record.arithmetic == 'float32, trained in bfloat16'
    assert finetune(half_precision, toy, epochs=.1, progress=False).record.arithmetic == 'float32'
    assert (
        predict(from_disk, toy).meta['arithmetic'] == 'float32, trained in bfloat16'
        and predict(from_disk, toy).meta['processor']
    )


def test_trainer_5(): # nbs/api/01_models.ipynb, cell 18e1de09
    """It arrives at the same numbers, ten to twenty times slower than in float32, so `finetune` says so before it begins."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    assert any('multiplies bfloat16 14 times slower' in str(w.message) for w in said) or torch.accelerator.is_available()
    assert 0 < _bfloat16_slowness()


def test_trainer_6(): # nbs/api/01_models.ipynb, cell afcbfad0
    """A language model learns a text by heart, from the same call."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 200)
    story = Corpus(dict(train=line, validation=line, test=line))
    speaker = finetune(tiny_lm(), story, epochs=8, lr=1e-2, batch_size=8, max_length=16, progress=False)
    assert perplexity(speaker, story, length=16) < 3 < 1000 < perplexity(tiny_lm(), story, length=16)
    with expect_fail(ValueError, 'no classes to weight'): finetune(tiny_lm(), toy, balanced=True)
    with expect_fail(ValueError, 'has no labels'): finetune(tiny, story)
    with expect_fail(ValueError, 'no classification head'): finetune(tiny_masked_lm(), toy)


def test_trainer_7(): # nbs/api/01_models.ipynb, cell 44250b60
    """In this example the texts of one label do not count at all."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    wanted = torch.tensor(toy['train']['label'])
    def only_yes(model, batch):
        index, labels = batch.pop('index'), batch['labels']
        assert torch.equal(wanted[index], labels)
        return (torch.nn.functional.cross_entropy(model(**batch).logits, labels, reduction='none') * (labels == 1)).mean()
    assert predict(finetune(tiny, toy, epochs=2, lr=5e-3, progress=False, loss=only_yes), toy).predicted.all()
    with expect_fail(ValueError, 'within the loss'): finetune(tiny, toy, balanced=True, loss=only_yes)


def test_trainer_8(): # nbs/api/01_models.ipynb, cell 0a8444f8
    """A pruned model keeps its zeros through further training, while all other weights move."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    rare = GroupedText.from_frame(words.assign(label=['yes' if i % 10 == 0 else 'no' for i in range(200)]), name='rare')
    plain, weighted = (finetune(tiny, rare, epochs=1, lr=1e-2, progress=False, balanced=b) for b in (False, True))
    assert predict(weighted, rare).logits[:, 1].mean() > predict(plain, rare).logits[:, 1].mean()
    pruned = Magnitude(.5)(tiny)
    trained = finetune(pruned, toy, epochs=1, progress=False)
    for layer in prunable(pruned):
        before, after = pruned.get_submodule(layer).weight, trained.get_submodule(layer).weight
        assert torch.equal(before == 0, after == 0) and not torch.equal(before, after)
    name = 'bert.embeddings.word_embeddings'
    sparse = Magnitude(.5, modules=name)(tiny)
    moved = finetune(sparse, toy, epochs=1, lr=1e-2, progress=False).get_submodule(name).weight
    # an embedding as well
    assert torch.equal(moved == 0, sparse.get_submodule(name).weight == 0) and not torch.equal(
        moved, sparse.get_submodule(name).weight
    )
    assert trained.record.macs == pruned.record.macs and trained.record.method == 'magnitude()'
    empty = Magnitude(.5)(tiny)
    first = next(iter(prunable(empty)))
    empty.get_submodule(first).weight.data.zero_()
    assert not finetune(empty, toy, epochs=1, progress=False).get_submodule(first).weight.any()


def test_trainer_9(): # nbs/api/01_models.ipynb, cell 56b33dc9
    """Zeros from a mask of PyTorch stay zeros."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    for steps in (
        dict(max_steps=1),
        dict(epochs=1, batch_size=200),
        dict(epochs=1, batch_size=40, gradient_accumulation_steps=4),
    ):
        assert not torch.equal(finetune(tiny, toy, progress=False, **steps).classifier.weight, tiny.classifier.weight), (
            steps
        )
    # one's own warm-up
    assert torch.equal(
        finetune(tiny, toy, progress=False, max_steps=1, warmup_steps=1).classifier.weight, tiny.classifier.weight
    )
    masked = tiny_classifier()
    layer = masked.bert.encoder.layer[0].output.dense
    prune.l1_unstructured(layer, 'weight', .5)
    after = finetune(masked, toy, epochs=1, progress=False).bert.encoder.layer[0].output.dense.weight
    assert torch.equal(after == 0, layer.weight == 0) and not torch.equal(after, layer.weight) and prune.is_pruned(masked)


def test_trainer_10(): # nbs/api/01_models.ipynb, cell 46fa50ab
    """The model keeps them."""
    masked = tiny_classifier()
    layer = masked.bert.encoder.layer[0].output.dense
    prune.l1_unstructured(layer, 'weight', .5)
    masked = tiny_classifier()
    prune.l1_unstructured(masked.bert.encoder.layer[0].output.dense, 'weight', .5)
    with tempfile.TemporaryDirectory() as folder: again = load(save(masked, folder))
    assert (
        np.allclose(logits(again, ['a text']), logits(masked, ['a text']), atol=1e-7)
        and prune.is_pruned(masked)
        and not prune.is_pruned(again)
    )


def test_trainer_11(): # nbs/api/01_models.ipynb, cell c5e4e0c5
    """Whatever needs one says so."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 200)
    story = Corpus(dict(train=line, validation=line, test=line))
    bare = tiny_classifier()
    del bare.tokenizer
    for use in (
        lambda: finetune(bare, toy),
        lambda: predict(bare, toy),
        lambda: logits(bare, ['a']),
        lambda: features(bare, ['a']),
        lambda: parse('taylor()')(bare, toy),
        lambda: (Magnitude(0.5) >> parse('recover(epochs=1)'))(bare, toy),
        lambda: audit(bare, Magnitude(0.5)(bare), toy),
        lambda: save(bare, 'folder'),
    ):
        with expect_fail(ValueError, 'The model has no tokenizer: set model.tokenizer = AutoTokenizer.from_pretrained'):
            use()
    bare = tiny_lm()
    del bare.tokenizer
    for use in (
        lambda: loglikelihoods(bare, ['a text']),
        lambda: perplexity(bare, story, length=16),
        lambda: generate(bare, ['a text']),
        lambda: finetune(bare, story),
    ):
        with expect_fail(ValueError, 'The model has no tokenizer'): use()


@pytest.mark.heavy
def test_trainer_12(): # nbs/api/01_models.ipynb, cell 1cb7b36d
    """After compression, saving and loading it gives the same answers."""
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    def kinds_of_checkpoints(family):
        "Random models of an architecture: bare, and with each head of pretraining."
        for auto in (AutoModel, AutoModelForPreTraining, AutoModelForMaskedLM, AutoModelForCausalLM):
            config = tiny_classifier(family=family).config
            config.architectures = []
            if type(config) in auto._model_mapping and not (config.is_encoder_decoder and auto is AutoModelForCausalLM):
                torch.manual_seed(1)
                with quietly(): yield auto.from_config(config)
    def right_by_name(family):
        """Whether every kind of checkpoint of an architecture becomes a classifier, with the body that it had, that
    compressed comes back from its folder."""
        pairs = pd.DataFrame(
            dict(
                text=[f'{w} word ' * (1 + i % 5) for i, w in enumerate(['good', 'bad'] * 20)],
                label=['yes', 'no'] * 20,
                groups='a',
            )
        )
        data, right = GroupedText.from_frame(pairs, name='pairs'), []
        for whole in kinds_of_checkpoints(family):
            with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
                found, weights = (
                    load_classifier(hub_folder(whole, folder), ['one', 'two', 'three']).base_model.state_dict(),
                    whole.base_model.state_dict(),
                )
                right.append(all(torch.equal(found[k], weights[k]) for k in _parts(whole.config)[0]))
                small = Magnitude(.5)(finetune(folder, data, epochs=1, progress=False))
                again = load(save(small, Path(folder)/'small'))
                right.append(
                    again.record == small.record
                    and np.array_equal(predict(again, data).logits, predict(small, data).logits)
                )
                right.append(said.getvalue().count('Fresh classification head for') == said.getvalue().count('\n') == 2)
        return len(right) > 3 and all(right)
    for family in ('roberta', 'xlnet', 't5', 'llama'): assert right_by_name(family), family


@pytest.mark.heavy
@pytest.mark.slow
def test_trainer_13(): # nbs/api/01_models.ipynb, cell 76f4b332
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    def kinds_of_checkpoints(family):
        "Random models of an architecture: bare, and with each head of pretraining."
        for auto in (AutoModel, AutoModelForPreTraining, AutoModelForMaskedLM, AutoModelForCausalLM):
            config = tiny_classifier(family=family).config
            config.architectures = []
            if type(config) in auto._model_mapping and not (config.is_encoder_decoder and auto is AutoModelForCausalLM):
                torch.manual_seed(1)
                with quietly(): yield auto.from_config(config)
    def right_by_name(family):
        """Whether every kind of checkpoint of an architecture becomes a classifier, with the body that it had, that
    compressed comes back from its folder."""
        pairs = pd.DataFrame(
            dict(
                text=[f'{w} word ' * (1 + i % 5) for i, w in enumerate(['good', 'bad'] * 20)],
                label=['yes', 'no'] * 20,
                groups='a',
            )
        )
        data, right = GroupedText.from_frame(pairs, name='pairs'), []
        for whole in kinds_of_checkpoints(family):
            with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
                found, weights = (
                    load_classifier(hub_folder(whole, folder), ['one', 'two', 'three']).base_model.state_dict(),
                    whole.base_model.state_dict(),
                )
                right.append(all(torch.equal(found[k], weights[k]) for k in _parts(whole.config)[0]))
                small = Magnitude(.5)(finetune(folder, data, epochs=1, progress=False))
                again = load(save(small, Path(folder)/'small'))
                right.append(
                    again.record == small.record
                    and np.array_equal(predict(again, data).logits, predict(small, data).logits)
                )
                right.append(said.getvalue().count('Fresh classification head for') == said.getvalue().count('\n') == 2)
        return len(right) > 3 and all(right)
    # of these two transformers has no classifier
    for family in TINY: assert family in ('granite', 'mamba') or right_by_name(family), family


def test_trainer_14(): # nbs/api/01_models.ipynb, cell d6785b21
    """The model gives the same answers as before, also after compression, saving and loading, and in plain transformers."""
    masked = tiny_classifier()
    with tempfile.TemporaryDirectory() as folder: again = load(save(masked, folder))
    def one_logit(problem_type='multi_label_classification', label='LABEL_0', **kwargs):
        return tiny_classifier((label,), problem_type=problem_type, **kwargs)
    sentences = ['a good day', 'the river runs down to the sea', 'no']
    single, named = one_logit(), one_logit(label='toxic')
    z, pair = logits(single, sentences)[:, 0], two_classes(single)
    assert (
        np.allclose(logits(pair, sentences), np.stack([0 * z, z], 1), atol=1e-6)
        and pair.config.id2label == {0: 'LABEL_0', 1: 'LABEL_1'}
        and pair.record.parameters == single.record.parameters + 33
    )
    assert np.allclose(
        logits(two_classes(named, ('toxic', 'normal')), sentences), np.stack([z, 0 * z], 1), atol=1e-6
    ) and two_classes(named).config.id2label == {0: 'not toxic', 1: 'toxic'}
    assert single.config.num_labels == 1 and single.classifier.weight.shape == (1, 32) and two_classes(pair) is pair
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as said:
        with quietly(): single.save_pretrained(Path(folder)/'one'); single.tokenizer.save_pretrained(Path(folder)/'one')
        for labels in (None, ('no', 'yes')):
            back = load_classifier(Path(folder)/'one', labels)
            assert (
                np.allclose(logits(back, sentences)[:, 1], z, atol=1e-6)
                and (logits(back, sentences)[:, 0] == 0).all()
                and back.config.id2label[1] == (labels or ('LABEL_0', 'LABEL_1'))[1]
            )
        again = load(save(Magnitude(.5)(back), Path(folder)/'two'))
        assert (
            again.record.method == 'magnitude()'
            and (logits(again, sentences) == logits(Magnitude(0.5)(back), sentences)).all()
        )
        assert load_classifier(Path(folder)/'one', 'abc').classifier.weight.shape == (3, 32)
    assert (
        'one logit, which speaks for yes' in said.getvalue()
        and 'Fresh classification head for 3 labels' in said.getvalue()
        and said.getvalue().count('Fresh') == 1
    )


def test_trainer_15(): # nbs/api/01_models.ipynb, cell 9e4864d7
    """A model that transformers calls a regression is refused everywhere, and so are classes that do not fit the name of its class."""
    tiny = tiny_classifier()
    def edited(folder, file='config.json', **changes):
        "Change entries of a JSON file by hand, as somebody would who knows that the checksums no longer hold."
        tree = json.loads(Path(folder, file).read_text()) | changes
        Path(folder, file).write_text(json.dumps(tree)); Path(folder, SEAL).unlink(missing_ok=True)
        return folder
    with tempfile.TemporaryDirectory() as home:
        told = edited(
            save(tiny_classifier(), f'{home}/model'),
            attn_implementation='eager',
            _attn_implementation='someone/kernels',
            auto_map=dict(AutoConfig='mine.Mine', AutoModelForSequenceClassification='mine.Mine'),
        )
        edited(told, 'tokenizer_config.json', auto_map=dict(AutoTokenizer=['mine.Mine', None]))
        (told/'mine.py').write_text(f"open({home + '/ran'!r}, 'w')")
        plain = load(told)
        assert (
            plain.config._attn_implementation == tiny_classifier().config._attn_implementation == 'sdpa'
            and not Path(home, 'ran').exists()
        )
    words = pd.DataFrame(
        dict(
            text=[f'{w} word ' * (1 + i % 9) for i, w in enumerate(['good', 'bad'] * 100)],
            label=['yes', 'no'] * 100,
            groups=['a', 'b', 'b', 'a'] * 50,
        )
    )
    toy = GroupedText.from_frame(words, name='toy')
    with redirect_stdout(io.StringIO()) as said: finetune(tiny, toy, epochs=.1, max_length=3, progress=False)
    with (
        patch.object(sys.modules[finetune.__module__], '_bfloat16_slowness', lambda: 14.2),
        warnings.catch_warnings(record=True) as said,
    ):
        warnings.simplefilter('always'); finetune(tiny, toy, epochs=.1, progress=False, bf16=True)
    def one_logit(problem_type='multi_label_classification', label='LABEL_0', **kwargs):
        return tiny_classifier((label,), problem_type=problem_type, **kwargs)
    single, named = one_logit(), one_logit(label='toxic')
    score, texts = one_logit(None), toy
    for use in (
        lambda m: predict(m, texts),
        lambda m: transferred(m, texts, {}),
        lambda m: finetune(m, texts),
        lambda m: Magnitude(0.5)(m),
        two_classes,
    ):
        with expect_fail(
            ValueError,
            'tiny has one logit, which transformers takes for a regression (problem_type None): it has no classes',
        ):
            use(score)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        save(score, folder)
        with expect_fail(ValueError, f'{folder} has one logit, which transformers takes for a regression'): load(folder)
        assert load_classifier(folder, ('no', 'yes')).config.num_labels == 2 # named, it is one
    with expect_fail(ValueError, "tiny has one logit, for 'toxic': give two labels, of which this is one, not no, yes"):
        two_classes(named, ('no', 'yes'))


@pytest.mark.heavy
def test_trainer_16(): # nbs/api/01_models.ipynb, cell d7b65403
    """This works for every architecture."""
    with tempfile.TemporaryDirectory() as home:
        for method in ('', 'int8()', 'magnitude(sparsity=0.8)', 'lowrank(rank=2)'):
            two = save(parse(method)(tiny_classifier()) if method else tiny_classifier(), f'{home}/two')
            with redirect_stdout(io.StringIO()) as said: assert load_classifier(two, ['a', 'b', 'c']).config.num_labels == 3
            assert said.getvalue() == 'Fresh classification head for 3 labels: classifier.bias, classifier.weight\n'
    def hub_folder(model, folder, tokenizer=None):
        "Save a plain transformers model, as a hub holds it."
        with quietly(): model.save_pretrained(folder)
        (tokenizer or tiny_classifier().tokenizer).save_pretrained(folder)
        return folder
    def refused(model, config, what):
        "Save a model with the configuration of another; it must not load, whatever its head."
        with tempfile.TemporaryDirectory() as folder:
            hub_folder(model, folder)
            Path(folder, 'config.json').write_text(json.dumps(config.to_dict()))
            with expect_fail(ValueError, what): load_classifier(folder, labels=['no', 'yes'])
    for kind in ('bert', 'roberta', 'distilbert', 'llama', 'gpt2'):
        one, two, three = (tiny_classifier(family=kind, num_hidden_layers=n) for n in (1, 2, 3))
        refused(two, three.config, 'missing weights'); refused(two, one.config, 'unexpected weights')
    def one_logit(problem_type='multi_label_classification', label='LABEL_0', **kwargs):
        return tiny_classifier((label,), problem_type=problem_type, **kwargs)
    sentences = ['a good day', 'the river runs down to the sea', 'no']
    with quietly():
        for family in TINY:
            try: one = one_logit(family=family)
            except ValueError: continue # no classifier
            z = logits(one, sentences)[:, 0]
            assert np.allclose(logits(two_classes(one), sentences), np.stack([0 * z, z], 1), atol=1e-5), family
