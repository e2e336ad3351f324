# Generated from nbs/api/43_attention.ipynb: edit the notebook
import pytest
import numpy as np
import pandas as pd
import torch
import matplotlib.pyplot as plt
from fastcore.test import expect_fail
from sklearn.metrics import average_precision_score
from fairprune.method import parse
from fairprune.compress.pruning import Magnitude
from fairprune.recovery import Recover
from fairprune.compress.structure import Heads, LayerDrop
from fairprune.data import GroupedText
from fairprune.named import PACKAGED, SMOLLM2
from fairprune.mitigate.mitigation import debias, undone
from fairprune.models import finetune, load_tokenizer, packaged, predict, tiny_classifier, tiny_lm
from fairprune.layers import attention_configs
from fairprune.mitigate.attention import *
from fairprune.mitigate.attention import _heads_of, _runs, _spread


def test_words_at(): # nbs/api/43_attention.ipynb, cell ba1cf45f
    """So each piece is matched to a word of the very text that is trained on."""
    tiny = tiny_classifier()
    def pieces(text, words, **how):
        return list(
            zip(
                tiny.tokenizer.convert_ids_to_tokens(tiny.tokenizer(text)['input_ids']),
                word_of_pieces(tiny, [text], [words], **how)[0].tolist(),
            )
        )
    assert pieces("unbelievably good , isn't it", ['unbelievably', 'good', ',', "isn't", 'it']) == [
        ('[CLS]', -1),
        ('un', 0),
        ('##bel', 0),
        ('##ie', 0),
        ('##va', 0),
        ('##bly', 0),
        ('good', 1),
        (',', 2),
        ('isn', 3),
        ("'", 3),
        ('t', 3),
        ('it', 4),
        ('[SEP]', -1),
    ]
    # the mark is in no word
    assert pieces('so good!', ['so', 'good']) == [('[CLS]', -1), ('so', 0), ('good', 1), ('!', -1), ('[SEP]', -1)]
    # cut
    assert word_of_pieces(tiny, ['one two three four'], [['one', 'two', 'three', 'four']], 4)[0].tolist() == [-1, 0, 1, -1]
    with expect_fail(ValueError, "'dog' is not in its place"): word_of_pieces(tiny, ['a cat'], [['a', 'dog']])


@pytest.mark.data
def test_words_at_2(): # nbs/api/43_attention.ipynb, cell a33ae474
    """A byte-level tokenizer, such as those of GPT-2 and SmolLM2, makes the blank before a word a part of its piece."""
    byte_level = tiny_lm('llama')
    byte_level.tokenizer = load_tokenizer(packaged(SMOLLM2), gguf_file=PACKAGED[SMOLLM2][2])
    assert word_of_pieces(byte_level, ['a remarkably fine day'], [['a', 'remarkably', 'fine', 'day']])[0].tolist() == [
        0,
        *[1] * len(byte_level.tokenizer(' remarkably')['input_ids']),
        2,
        3,
    ]


def test_attention_rows(): # nbs/api/43_attention.ipynb, cell 53764b5b
    """Only the plain implementation of attention returns these weights, so the model is switched to it for as long as needed."""
    decoders = 'gpt2', 'llama', 'bloom', 'falcon', 'modernbert-decoder'
    for family in ('bert', 'distilbert', 'roberta', 'deberta-v2', *decoders):
        some = tiny_classifier(family=family)
        batch = some.tokenizer(['a good day', 'fine'], padding=True, return_tensors='pt')
        mask = batch['attention_mask']
        of_word = _spread(
            [w >= 0 for w in word_of_pieces(some, ['a good day', 'fine'], [['a', 'good', 'day'], ['fine']])], mask
        )
        assert of_word.tolist() == [[0, 1, 1, 1, 0], [0, 1, 0, 0, 0]]
        kept = some.config._attn_implementation
        with eager(some), torch.no_grad(): attentions = some(**batch, output_attentions=True).attentions
        assert some.config._attn_implementation == kept and len(attentions) == 2
        assert family not in decoders or all((a.triu(1) == 0).all() for a in attentions)
        rows = attention_rows(some, attentions, mask, of_word, (-1, 0))
        # one word has it all
        assert (
            rows.shape == (2, 8, 5)
            and torch.allclose(rows.sum(-1), torch.ones(2, 8))
            and rows[1, :, 1].allclose(torch.ones(8))
        )
        expected = attentions[1][0, 2, 4 if family in decoders else 0] * of_word[0]
        assert torch.allclose(
            attention_rows(some, attentions, mask, of_word, (-1,), (2,))[0, 0], expected / expected.sum()
        ), family


def test_attention_loss(): # nbs/api/43_attention.ipynb, cell c08dd163
    """For a text in which nobody marked a word, the formula asks for even attention; `empty='skip'` leaves such texts out."""
    of = np.array([-1, 0, 0, 1, -1])
    assert np.allclose(
        attention_target([1, 0], of), np.array([0, np.e**5, np.e**5, 1, 0]) / (2 * np.e**5 + 1)
    ) and np.allclose(attention_target([0, 0], of), np.array([0, 1, 1, 1, 0]) / 3)
    assert np.allclose(
        attention_loss(torch.tensor([[[0.5, 0.5, 0], [0.25, 0.75, 0]]]), torch.tensor([[1.0, 0, 0]])),
        (np.log(2) + np.log(4)) / 2,
    )
    free = torch.rand(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    aim = torch.softmax(torch.arange(8.).double().reshape(2, 4), 1)
    assert torch.autograd.gradcheck(lambda x: attention_loss(x.softmax(-1), aim), free)


def test_rationale_scores(): # nbs/api/43_attention.ipynb, cell b6aca8f8
    """Texts without marked words cannot be judged."""
    one = rationale_scores([.1, .5, .3, .1, 0], [False, True, True, False, True], 2)
    # of two runs one is found, and what is chosen is right
    assert one == dict(auprc=average_precision_score([0, 1, 1, 0, 1], [.1, .5, .3, .1, 0]), token_f1=.8, iou_f1=2 / 3)
    assert rationale_scores([1, 0, 0], [False, True, True], 1) == dict(auprc=2 / 3, token_f1=0, iou_f1=0) and _runs(
        [1, 1, 0, 1]
    ) == [{0, 1}, {3}]


def test_plausibility(): # nbs/api/43_attention.ipynb, cell 5b483600
    """A layer that lost heads keeps its place: the attention of the first layer is still that of the first layer, in a GPT-2 as in a Phi3 whose layers differ."""
    for family in ('gpt2', 'phi3'):
        uneven = parse("heads(sparsity=0.25, scope='global', score='random')")(tiny_classifier(family=family))
        first, second = (
            word_attention(uneven, ['one two three'], [['one', 'two', 'three']], layers=(k,))[0] for k in (0, 1)
        )
        assert not np.allclose(first, second) and {c._attn_implementation for c in attention_configs(uneven)} == {'sdpa'}
        with eager(uneven), torch.no_grad():
            out = uneven(torch.tensor([uneven.tokenizer('one two three')['input_ids']]), output_attentions=True)
        own = out.attentions[0][0, :, -1, 1:-1] # GPT-2 reads the last token, [SEP]; the first is [CLS]
        assert np.allclose(first, (own / own.sum(1, keepdim=True)).mean(0), atol=1e-5)


@pytest.mark.heavy
def test_plausibility_2(): # nbs/api/43_attention.ipynb, cell 47e84c99
    """Whether decisions change as well is another question, which has to be asked of each model."""
    rng = np.random.default_rng(0)
    def shortcut(n, follows, split):
        is_yes = rng.random(n) < .5
        day = np.where((rng.random(n) < follows) == is_yes, 'monday', 'friday')
        lists = [
            list(rng.permutation(['paper', 'table', d, 'good' if y else 'bad', str(i % 9)]))
            for i, (d, y) in enumerate(zip(day, is_yes))
        ]
        return pd.DataFrame(
            dict(
                text=[' '.join(w) for w in lists],
                tokens=lists,
                rationale=[[float(x in ('good', 'bad')) for x in w] for w in lists],
                label=np.where(is_yes, 'yes', 'no'),
                groups=day,
                split=split,
            )
        )
    frames = pd.concat(
        [shortcut(1200, 0.9, 'train'), shortcut(200, 0.9, 'validation'), shortcut(1000, 0.5, 'test')], ignore_index=True
    )
    planted = GroupedText.from_frame(frames, split='split', tokens='tokens', rationale='rationale', name='shortcut')
    start = Magnitude(.5)(finetune(tiny_classifier(), planted, epochs=1, lr=2e-3, progress=False))
    how = dict(epochs=2, lr=2e-3)
    after = {
        'as pruned': start,
        'further training': debias(start, planted, Recover(**how)),
        'supervised attention': debias(start, planted, SupervisedAttention(**how)),
    }
    told = pd.DataFrame(
        {
            name: plausibility(m, planted, min_n=1).query("cls == '' and scope == 'all'").set_index('metric').value
            for name, m in after.items()
        }
    ).T
    told['accuracy'] = [predict(m, planted).accuracy for m in after.values()]
    assert (
        told.auprc['supervised attention'] > told.auprc['further training'] + 0.2
        and told.accuracy.drop('as pruned').min() > 0.95
        and undone(start, after['supervised attention']) == []
    )


@pytest.mark.heavy
def test_plausibility_3(): # nbs/api/43_attention.ipynb, cell 76bcc4f7
    """The loss works on models that were compressed in any way, and with a weight of zero it is plain training."""
    rng = np.random.default_rng(0)
    def shortcut(n, follows, split):
        is_yes = rng.random(n) < .5
        day = np.where((rng.random(n) < follows) == is_yes, 'monday', 'friday')
        lists = [
            list(rng.permutation(['paper', 'table', d, 'good' if y else 'bad', str(i % 9)]))
            for i, (d, y) in enumerate(zip(day, is_yes))
        ]
        return pd.DataFrame(
            dict(
                text=[' '.join(w) for w in lists],
                tokens=lists,
                rationale=[[float(x in ('good', 'bad')) for x in w] for w in lists],
                label=np.where(is_yes, 'yes', 'no'),
                groups=day,
                split=split,
            )
        )
    frames = pd.concat(
        [shortcut(1200, 0.9, 'train'), shortcut(200, 0.9, 'validation'), shortcut(1000, 0.5, 'test')], ignore_index=True
    )
    planted = GroupedText.from_frame(frames, split='split', tokens='tokens', rationale='rationale', name='shortcut')
    start = Magnitude(.5)(finetune(tiny_classifier(), planted, epochs=1, lr=2e-3, progress=False))
    how = dict(epochs=2, lr=2e-3)
    after = {
        'as pruned': start,
        'further training': debias(start, planted, Recover(**how)),
        'supervised attention': debias(start, planted, SupervisedAttention(**how)),
    }
    example = planted['test'][0]
    fig, axes = plt.subplots(1, 3, figsize=(8, 2), sharey=True)
    for ax, (name, m) in zip(axes, after.items()):
        given = word_attention(m, [example['text']], [example['tokens']])[0]
        ax.bar(range(len(given)), given, color=['C1' if r else 'C0' for r in example['rationale']])
        ax.set_title(name, fontsize=10)
        ax.set_xticks(range(len(given)), example['tokens'], rotation=45)
    brief = dict(epochs=.3, lr=1e-3)
    for design in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
        base = Magnitude(.5)(tiny_classifier(family=design))
        drawn = debias(base, planted, SupervisedAttention(layers=(0, -1), **brief))
        assert drawn.config._attn_implementation == base.config._attn_implementation and undone(base, drawn) == []
        assert not torch.equal(drawn.get_input_embeddings().weight, base.get_input_embeddings().weight)
    plain = debias(start, planted, Recover(**brief))
    assert all(
        torch.equal(v, plain.state_dict()[k])
        for k, v in debias(start, planted, SupervisedAttention(0.0, **brief)).state_dict().items()
    )
    few = LayerDrop(1)(Heads(.5)(tiny_classifier(), planted))
    assert _heads_of(few) == [2] and parse(str(SupervisedAttention(heads=(1,), **brief)))(
        few, planted
    ).record.method.endswith(str(SupervisedAttention(heads=(1,), **brief)))


def test_plausibility_4(): # nbs/api/43_attention.ipynb, cell 50ed9759
    """Mistakes are noticed before any work."""
    tiny = tiny_classifier()
    marked_words = pd.DataFrame(dict(text=['a b', 'c d'] * 60, label=['no', 'yes'] * 60, groups=['x', 'y'] * 60))
    without, with_them = (
        GroupedText.from_frame(marked_words, name='without'),
        GroupedText.from_frame(
            marked_words.assign(tokens=[['a', 'b'], ['c', 'd']] * 60, rationale=[[0, 1], [1, 0]] * 60),
            tokens='tokens',
            rationale='rationale',
        ),
    )
    unmarked = GroupedText.from_frame(
        marked_words.assign(tokens=[['a', 'b'], ['c', 'd']] * 60, rationale=[[0, 0]] * 120),
        tokens='tokens',
        rationale='rationale',
    )
    for wrong, call in {
        "'without' has none. HateXplain has": lambda: debias(tiny, without, SupervisedAttention()),
        'layers = (2,): the model has 2, so use numbers from -2 to 1': lambda: debias(
            tiny, with_them, SupervisedAttention(layers=(2,))
        ),
        'heads = (4,): these layers have 4': lambda: debias(tiny, with_them, SupervisedAttention(heads=(4,))),
        'alpha must be at least 0': lambda: debias(tiny, with_them, SupervisedAttention(-1.0)),
        "empty = 'none'": lambda: debias(tiny, with_them, SupervisedAttention(empty='none')),
        'has a marked word, so nothing would be supervised': lambda: debias(
            tiny, unmarked, SupervisedAttention(empty='skip')
        ),
        'has no rationales': lambda: plausibility(tiny, without),
        'has a marked word: there is nothing': lambda: plausibility(tiny, unmarked),
    }.items():
        with expect_fail(ValueError, wrong): call()
    for family in ('funnel', 't5', 'bart'): # pooled, or in two parts
        with expect_fail(ValueError, 'does not say in every layer how each token'):
            plausibility(tiny_classifier(family=family), with_them)
    with expect_fail(ValueError, 'reads 5 of the 5 tokens'):
        plausibility(tiny_classifier(family='modernbert', classifier_pooling='mean'), with_them)
