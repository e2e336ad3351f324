# Generated from nbs/api/40_resampling.ipynb: edit the notebook
import pytest
import re
import numpy as np
import pandas as pd
import torch
from fairprune.layers import head
from fastcore.test import expect_fail
from fairprune.bias.coreference import WinoBias
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude
from fairprune.compress.quantization import Rtn
from fairprune.recovery import Recover
from fairprune.data import GroupedText
from fairprune.mitigate.mitigation import debias, undone
from fairprune.models import tiny_classifier
from fairprune.synthetic import bios
from fairprune.mitigate.resampling import *
from fairprune.mitigate.resampling import _OPERATIONS, _SWAPS, _acceptable


def test_Undersample(): # nbs/api/40_resampling.ipynb, cell f9a3deb1
    """`limit` keeps a cell with few texts from dominating all others: HateXplain has eight posts of one class and group, and 4,823 of another."""
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    def sizes(mitigation):
        return added(data, mitigation.training(tiny, data, 0)).query("group != 'all'").set_index(['label', 'group']).after
    start, more, less = (
        added(data, data).query("group != 'all'").set_index(['label', 'group']).after,
        sizes(Oversample()),
        sizes(Undersample()),
    )
    assert (
        np.allclose(more, start.max(), rtol=0.15)
        and np.allclose(less, start.min(), rtol=0.3)
        and start.max() > 6 * start.min()
    )
    assert (
        (more >= start).all()
        and (less <= start).all()
        and more['yes', 'a'] == start['yes', 'a']
        and less['no', 'b'] == start['no', 'b']
    )
    grown = Oversample('class').training(tiny, data, 0)
    assert (
        len(set(grown['train']['id'])) == len(grown['train'])
        and grown['test'].to_dict() == data['test'].to_dict()
        and grown['validation'].to_dict() == data['validation'].to_dict()
    )
    assert np.allclose(sizes(Oversample(limit=2)), np.minimum(2 * start, more), rtol=0.1) and np.allclose(
        sizes(Undersample(limit=2)), np.maximum(start / 2, less), rtol=0.2
    )
    assert abs(np.mean(grown['train']['label']) - 0.5) < 0.05 and parse(str(Oversample('class', epochs=2))) == Oversample(
        'class', epochs=2
    )


def test_Reweigh(): # nbs/api/40_resampling.ipynb, cell e542cac1
    """With these weights class and group are independent."""
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    added(data, Oversample().training(tiny, data, 0))
    state = Reweigh().begin(tiny, data, 0)
    train = data.frame('train').assign(group=lambda t: t.groups.str[0], weight=state.numpy())
    n, joint = len(train), train.groupby(['label', 'group']).weight.agg(['size', 'first'])
    for (k, g), row in joint.iterrows():
        assert np.isclose(row['first'], (train.label == k).sum() * (train.group == g).sum() / n / row['size'])
    assert np.allclose(
        train[train.group == 'a'].groupby('label').weight.sum() / train[train.group == 'b'].groupby('label').weight.sum(),
        (train.group == 'a').sum() / (train.group == 'b').sum(),
        rtol=1e-5,
    )


def test_Swap(): # nbs/api/40_resampling.ipynb, cell af56e126
    """If the data do not have the other group, the copy loses the group."""
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    added(data, Oversample().training(tiny, data, 0))
    for pairs, swap in zip((PAIRS, IDENTITIES, f'{PAIRS}|{IDENTITIES}'), _SWAPS.values()):
        assert len(swap) == 2 * len(pairs.split('|')) and all(swap[swap[w]] == w for w in swap)
    assert (
        swapped('The Muslims built a mosque.', 'identity') == 'The Christians built a church.'
        and swapped('She is Mexican', 'both') == 'He is Canadian'
        and swapped('She is Mexican', 'identity') == 'She is Canadian'
    )
    cases = {
        'He gave her the book.': 'She gave him the book.',
        'Her brother met Mary, and his mother saw HER.': 'His sister met James, and her father saw HIM.',
        'The coat is hers; he saw her.': 'The coat is his; she saw him.',
        'A hero sheds no tears.': 'A hero sheds no tears.',
    }
    for text, want in cases.items(): assert swapped(text) == want and swapped(want) == text, swapped(text)
    people = bios(200)
    twice = Swap().training(tiny, people, 0)
    sides = added(people, twice).query("group != 'all'").pivot(index='label', columns='group', values='after')
    assert (sides.female == sides.male).all() and twice['test'].to_dict() == people['test'].to_dict()
    back = {i: t for i, t in zip(twice['train']['id'], twice['train']['text'])}
    assert all(swapped(t) == back[i.removesuffix('~')] for i, t in back.items() if i.endswith('~'))


@pytest.mark.data
def test_Swap_2(): # nbs/api/40_resampling.ipynb, cell 8a8f1a23
    """The rule is wrong where a verb or an adjective follows (*keep her safe*, *wished her happy birthday*)."""
    items = WinoBias('dev').pairs()
    sides = [
        [''.join(p for two in zip(r.parts, [*words, '']) for p in two) for words in (r.pro, r.anti)]
        for r in items.itertuples()
        if 'her' in (*r.pro, *r.anti)
    ]
    def pronouns(text): return [w for w in re.findall(r'\w+', text.lower()) if w in ('he', 'him', 'his')]
    hers, his = zip(*(sorted(pair, key=lambda s: len(pronouns(s))) for pair in sides))
    right = np.mean([pronouns(swapped(a)) == pronouns(b) for a, b in zip(hers, his)])
    assert right > .85


def test_synonyms(): # nbs/api/40_resampling.ipynb, cell 0b4d0933
    """Another copy of WordNet is found through `WNHOME`, as other programs do."""
    assert (
        synonyms('physician') == ['doctor', 'doc', 'md', 'medico']
        and synonyms('large') == ['big']
        and synonyms('the') == synonyms('zzz') == []
    )


def test_Eda(): # nbs/api/40_resampling.ipynb, cell 969e7fa1
    sentence, rng = 'the black doctor bought a very nice car for his happy daughter', np.random.default_rng(0)
    keep = {'black', 'his', 'daughter'}
    for operation in _OPERATIONS: print(f'{operation:8}', augmented(sentence, operation, rng, .2, keep))
    for operation in _OPERATIONS:
        for _ in range(50):
            new = augmented(sentence, operation, rng, .2, keep).split()
            assert keep <= set(new) and len(new) == len(sentence.split()) + dict(insert=2, delete=-2).get(operation, 0)
            assert operation != 'swap' or sorted(new) == sorted(sentence.split())
    assert augmented('word', 'delete', rng) == augmented('word', 'swap', rng) == 'word'


def test_Eda_2(): # nbs/api/40_resampling.ipynb, cell 3d3ecf3b
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    def sizes(mitigation):
        return added(data, mitigation.training(tiny, data, 0)).query("group != 'all'").set_index(['label', 'group']).after
    start, more, less = (
        added(data, data).query("group != 'all'").set_index(['label', 'group']).after,
        sizes(Oversample()),
        sizes(Undersample()),
    )
    added(data, Oversample().training(tiny, data, 0))
    spoken = Eda().training(tiny, data, 0)
    assert sizes(Eda()).equals(more) and spoken['test'].to_dict() == data['test'].to_dict()
    texts_before, after_eda = set(data['train']['text']), dict(zip(spoken['train']['id'], spoken['train']['text']))
    assert (
        all(after_eda[i] == t for i, t in zip(data['train']['id'], data['train']['text']))
        and np.mean([t not in texts_before for i, t in after_eda.items() if '#' in i]) > 0.5
    )
    # the same seed, the same words
    assert after_eda == dict(zip(spoken['train']['id'], Eda().training(tiny, data, 0)['train']['text']))


def test_Paraphrase(): # nbs/api/40_resampling.ipynb, cell 80d7c7a3
    """`added` tells how many are left."""
    naming = {'women', 'men', 'she', 'he'}
    assert _acceptable('women work in the mine', 'there are women who work in the mine', naming) and not _acceptable(
        'women work in the mine', 'men work in the mine', naming
    )
    assert not any(_acceptable('she left', n, naming) for n in ('', 'She left.', 'she left ' * 9, 'they went'))


@pytest.mark.slow
@pytest.mark.data
def test_Paraphrase_2(): # nbs/api/40_resampling.ipynb, cell 0901b1cb
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    added(data, Oversample().training(tiny, data, 0))
    plain_words = pd.DataFrame(
        [
            dict(text=t, label=y, groups=g)
            for t, y, g, n in (
                ('the new bridge opened to traffic in spring', 'no', 'a', 60),
                ('my sister bakes bread on sunday', 'yes', 'b', 12),
            )
            for _ in range(n)
        ]
    )
    told_again = Paraphrase('group', texts=8).training(tiny, GroupedText.from_frame(plain_words, name='words'), 0)
    assert 0 < sum('#' in i for i in told_again['train']['id']) <= 8


def test_Mixup(): # nbs/api/40_resampling.ipynb, cell a24056c5
    """So its loss is the model's own loss, on every architecture, and the head learns from it."""
    for family in ('bert', 'xlm-roberta', 'camembert', 'bloom', 'modernbert-decoder', 'bart'):
        model = tiny_classifier(family=family)
        twice = dict(model.tokenizer(['a good day'] * 2, return_tensors='pt'), labels=torch.tensor([0, 1]))
        loss = Mixup(1.).loss(model, None, 0)(model, twice); loss.backward()
        assert (
            torch.isclose(loss, model(**twice).loss, atol=1e-6)
            and head(model).weight.grad.any()
            and model.get_input_embeddings().weight.grad.any()
        ), family


@pytest.mark.heavy
def test_Mixup_2(): # nbs/api/40_resampling.ipynb, cell 33f992eb
    """All of these mitigations work on a pruned model, and its zeros stay."""
    people = bios(200)
    half, brief = Magnitude(.5)(tiny_classifier(people.labels)), dict(epochs=.5, lr=1e-3)
    plain = Recover(**brief)(half, people)
    for way in (
        Oversample('group', **brief),
        Undersample('group', **brief),
        Reweigh(**brief),
        Swap(**brief),
        Eda('group', operations=('swap', 'delete'), **brief),
        Mixup(**brief),
        Mixup(**brief, bf16=True),
    ):
        got = debias(half, people, way)
        assert (
            undone(half, got) == []
            and parse(str(way)) == way
            and not torch.equal(got.classifier.weight, plain.classifier.weight)
        ), way
    assert torch.allclose(debias(half, people, Mixup(0., **brief)).classifier.weight, plain.classifier.weight, atol=1e-6)
    eight = Rtn(8, modules='classifier')(half) # a head on a grid learns too
    assert not torch.equal(debias(eight, people, Mixup(**brief)).classifier.bias, eight.classifier.bias)
    for design in ('distilbert', 'gpt2', 'llama'):
        assert debias(tiny_classifier(people.labels, family=design), people, Mixup(**brief)).record.method == str(
            Mixup(**brief)
        )


def test_Mixup_3(): # nbs/api/40_resampling.ipynb, cell 153d706d
    """Mistakes are noticed before any work."""
    uneven = pd.DataFrame(
        [
            dict(text=f'{y} {g} {i}', label=y, groups=g)
            for (y, g), n in {('yes', 'a'): 400, ('yes', 'b'): 100, ('no', 'a'): 200, ('no', 'b'): 50}.items()
            for i in range(n)
        ]
    )
    data, tiny = GroupedText.from_frame(uneven, labels=('no', 'yes'), name='uneven'), tiny_classifier()
    added(data, Oversample().training(tiny, data, 0))
    lonely = GroupedText.from_frame(uneven.assign(groups=[[]] * len(uneven)), name='lonely')
    for wrong, call in {
        "by = 'size'": lambda: debias(tiny, data, Oversample('size')),
        'limit = 1': lambda: debias(tiny, data, Undersample(limit=1)),
        'needs groups': lambda: debias(tiny, lonely, Undersample('group')),
        'alpha = -1': lambda: debias(tiny, data, Mixup(-1.0)),
        'can be swapped': lambda: debias(tiny, data, Swap()),
        "words = 'names'": lambda: debias(tiny, data, Swap('names')),
        'share = 2': lambda: debias(tiny, data, Eda(share=2.0)),
        "Unknown operation 'reverse'": lambda: debias(tiny, data, Eda(operations=('reverse',))),
        'texts must be at least 1': lambda: debias(tiny, data, Paraphrase(texts=0)),
    }.items():
        with expect_fail(ValueError, wrong): call()
