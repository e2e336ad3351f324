# Generated from nbs/api/11_pruning.ipynb: edit the notebook
import pytest
import torch
from fairprune.compress.calibration import SquaredNorms, batches, walk
from fairprune.layers import Bare, read_sample
import copy
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import tempfile
from fastcore.test import expect_fail
from torch.nn.utils import prune
from transformers import AutoConfig, AutoModelForMaskedLM
from fairprune.compress.factorization import Freeze
from fairprune.method import parse
from fairprune.compress.quantization import Int8
from fairprune.corpus import Corpus, perplexity
from fairprune.data import GroupedText
from fairprune.models import finetune, load, load_classifier, logits, predict, save, tiny_classifier, tiny_lm, tiny_masked_lm
from fairprune.named import MINILM
from fairprune.synthetic import bios
from fairprune.compress.pruning import *
from fairprune.compress.pruning import _Moving, _Smallest, _need_rows


def test_matrix(): # nbs/api/11_pruning.ipynb, cell ad24dfe4
    """Neither does DeBERTa-v2's convolution, which lies beside its list, or a layer that shares its weight with another module."""
    tiny = tiny_classifier()
    assert len(prunable(tiny)) == 12 and not any('classifier' in n for n in prunable(tiny))
    assert len(targets(tiny, '*attention*')) == 8 and list(targets(tiny, 'classifier')) == ['classifier']
    assert list(targets(tiny, 'bert.embeddings.word_embeddings')) == ['bert.embeddings.word_embeddings']
    with expect_fail(ValueError, "No module matches '*conv*'. The body has 12 weights"): targets(tiny, '*conv*')
    assert matrix(tiny_lm('gpt2').transformer.h[0].mlp.c_fc).shape == (64, 32) # GPT-2 stores it transposed


def test_matrix_2(): # nbs/api/11_pruning.ipynb, cell 425c6659
    """Parameters that are added or looked up, not multiplied, stay dense; `left_dense` names them."""
    tiny = tiny_classifier()
    assert [n for n in prunable(tiny_lm('mamba')) if '.1.' in n][-1] == 'backbone.layers.1.mixer.conv1d' and left_dense(
        tiny_lm('mamba')
    )[0] == 'backbone.layers.0.mixer.A_log'
    mixture, upside, xl = (tiny_classifier(family=f) for f in ('mixtral', 'gpt_oss', 'xlnet'))
    assert len(prunable(mixture)) == 2 * (4 + 3) and left_dense(mixture) == left_dense(tiny) == []
    assert {n.rpartition('.')[2] for n in left_dense(upside)} == {'gate_up_proj_bias', 'down_proj_bias'}
    # a text has one segment
    assert {n.rpartition('.')[2] for n in left_dense(xl)} == {'r_w_bias', 'r_r_bias', 'r_s_bias', 'seg_embed'}
    assert matrix(prunable(upside)['model.layers.0.mlp.experts.down_proj']).shape == (4, 32, 64) # experts, outputs, inputs
    assert matrix(prunable(xl)['transformer.layer.0.rel_attn.q']).shape == (4, 8, 32) and matrix(
        prunable(xl)['transformer.layer.0.rel_attn.o']
    ).shape == (32, 32)
    with expect_fail(ValueError, 'gate_up_proj, (4, 128, 32) in a MixtralExperts, is no linear layer (6 weights are none)'):
        need_linear(prunable(mixture))
    beside, conv = tiny_classifier(family='deberta-v2'), 'deberta.encoder.conv.conv'
    # three neighbours of 32 features; by its name
    assert conv not in prunable(beside) and matrix(targets(beside, conv)[conv]).shape == (32, 96)


def test_matrix_3(): # nbs/api/11_pruning.ipynb, cell c8c2e113
    """Masked language models that share the weight of their output layer with the embeddings keep both as they are."""
    tiny = tiny_classifier()
    for family, count in dict(bert=12, distilbert=12, roberta=12, gpt2=8, llama=14).items():
        for make in (tiny_classifier, tiny_lm if family in ('gpt2', 'llama') else tiny_masked_lm):
            assert len(prunable(make(family=family))) == count
    def other(family):
        torch.manual_seed(0)
        model = AutoModelForMaskedLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                embedding_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                vocab_size=30522,
                pad_token_id=0,
                **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
                **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
            )
        )
        model.tokenizer, model.name = tiny.tokenizer, family
        return model.eval()
    for family, count in dict(modernbert=8, electra=12, albert=6).items(): # ALBERT's blocks are one and the same
        model = other(family); assert len(prunable(model)) == count
        assert (
            model.get_output_embeddings().weight is model.get_input_embeddings().weight
            and model.get_output_embeddings() not in prunable(model).values()
        )


def test_smallest(): # nbs/api/11_pruning.ipynb, cell 00123038
    """Exactly k weights go; of equal scores, the first go first."""
    scores = dict(a=torch.tensor([[3., 1.], [2., 5.]]), b=torch.tensor([[4., 0.]]))
    masks = dict(smallest(scores.get, scores, .5))
    assert masks['a'].tolist() == [[True, False], [False, True]] and masks['b'].tolist() == [[True, False]]
    tied = dict(a=torch.tensor([1., 1., 1., -2.]), b=torch.tensor([1., 1.]))
    # exactly three
    assert [m.tolist() for _, m in smallest(tied.get, tied, .5)] == [[False, False, True, False], [True, True]]
    assert all(m.all() for _, m in smallest(tied.get, tied, 0))
    many = dict(a=torch.randn(70, 70, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(
        next(smallest(many.get, many, 0.37))[1], many['a'] > many['a'].flatten().sort().values[round(0.37 * 4900) - 1]
    )
    with expect_fail(ValueError, 'a score is NaN'): list(smallest(dict(a=torch.tensor([float('nan'), 1])).get, ['a'], .5))


def test_n_of_m(): # nbs/api/11_pruning.ipynb, cell abdb5c03
    """Some hardware computes faster when *n of m* weights are kept, such as two of every four."""
    row = torch.tensor([[4., 1., 3., 2.], [0., 1., 2., 3.]])
    assert by_row(row, .25).tolist() == [[True, False, True, True], [False, True, True, True]]
    assert n_of_m(row, 1, 2).tolist() == [[True, False, True, False], [False, True, False, True]]


def test_Magnitude(): # nbs/api/11_pruning.ipynb, cell 8fa3734e
    tiny = tiny_classifier()
    half = Magnitude(sparsity=.5)(tiny)
    zeros = sum(int((m.weight == 0).sum()) for m in prunable(half).values())
    assert zeros == round(.5 * sum(m.weight.numel() for m in prunable(half).values()))
    assert torch.equal(half.classifier.weight, tiny.classifier.weight)
    assert half.record.bytes < tiny.record.bytes and half.record.method == 'magnitude()'
    assert all(
        (Magnitude(0.5, 'row')(tiny).get_submodule(n).weight == 0).sum(1).eq(m.in_features // 2).all()
        for n, m in prunable(tiny).items()
    )
    assert all((m.weight.view(-1, 4) == 0).sum(1).eq(2).all() for m in prunable(Magnitude(scope='2:4')(tiny)).values())


def test_Magnitude_2(): # nbs/api/11_pruning.ipynb, cell bfcc3ef6
    tiny = tiny_classifier()
    with expect_fail(ValueError, 'sparsity = 1'): Magnitude(1)(tiny)
    with expect_fail(ValueError, 'sparsity = -0.1'): Magnitude(-.1)(tiny)
    with expect_fail(ValueError, "Unknown scope 'column'"): Magnitude(scope='column')(tiny)
    with expect_fail(ValueError, 'scope 1:4 drops 0.75'): Magnitude(scope='1:4')(tiny)
    with expect_fail(ValueError, 'which 5 does not divide'): Magnitude(.2, '4:5')(tiny)
    with expect_fail(ValueError, 'No module matches'): Magnitude(modules='*.mlp.*')(tiny)
    # a parameter of a later step, before the first looks at the model
    with expect_fail(ValueError, 'sparsity = 2'): (Magnitude(modules='*.mlp.*') >> Magnitude(2))(tiny)


def test_Magnitude_3(): # nbs/api/11_pruning.ipynb, cell 28dbd9ea
    """On MiniLM the masks are the same as those of `torch.nn.utils.prune`, both over the whole model and by layer."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    prune.global_unstructured([(m, 'weight') for m in prunable(peer).values()], prune.L1Unstructured, amount=.5)
    for m in prunable(by_layer).values(): prune.l1_unstructured(m, 'weight', amount=.3)
    ours = Magnitude(.5)(minilm)
    for found, want in ((ours, peer), (Magnitude(.3, 'layer')(minilm), by_layer)):
        assert all(
            torch.equal(a.weight == 0, b.weight_mask == 0)
            for a, b in zip(prunable(found).values(), prunable(want).values())
        )


def test_Magnitude_4(): # nbs/api/11_pruning.ipynb, cell 03b71fdf
    """The magnitude criterion keeps the half of the layer whose weights are farthest from zero."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    first_query = 'bert.encoder.layer.0.attention.self.query'
    query = matrix(minilm.get_submodule(first_query))
    largest = dict(smallest({first_query: magnitude_score(query)}.get, [first_query], .5))[first_query]
    assert largest.float().mean() == .5 and query[largest].abs().min() >= query[~largest].abs().max()


def test_Magnitude_5(): # nbs/api/11_pruning.ipynb, cell d98b66a9
    """One threshold does not mean one sparsity: a layer of small weights loses more."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    ours = Magnitude(.5)(minilm)
    share = {
        n.removeprefix('bert.encoder.layer.').replace('.weight', ''): float((m.weight == 0).float().mean())
        for n, m in prunable(ours).items()
    }
    assert abs(np.average(list(share.values()), weights=[m.weight.numel() for m in prunable(ours).values()]) - .5) < 1e-4
    fig, ax = plt.subplots(figsize=(7.5, 2.6))
    kind = [
        n.split('.', 1)[1].replace('attention.self.', '').replace('.dense', '').replace('attention.output', 'attention')
        for n in share
    ]
    sns.stripplot(x=kind, y=list(share.values()), hue=[int(n[0]) for n in share], palette='viridis', ax=ax).set(
        ylabel='zeros', title='Global magnitude, 50%: zeros by layer'
    )
    ax.legend(title='layer', fontsize=7, loc='center left', bbox_to_anchor=(1, .5))


def test_Random(): # nbs/api/11_pruning.ipynb, cell 2a836b5e
    """Random pruning is the control: whatever a score achieves, it must achieve more than chance."""
    tiny = tiny_classifier()
    half = Magnitude(sparsity=.5)(tiny)
    a, b, c = Random(.5)(tiny), Random(.5)(tiny), Random(.5)(tiny, seed=1)
    first = next(iter(prunable(tiny)))
    assert torch.equal(a.get_submodule(first).weight, b.get_submodule(first).weight) and not torch.equal(
        a.get_submodule(first).weight, c.get_submodule(first).weight
    )
    assert a.record.nonzero == half.record.nonzero


def test_Random_2(): # nbs/api/11_pruning.ipynb, cell 162cbc18
    """On the layer of MiniLM, the random mask has nothing to do with the size of a weight."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    def corner(**panels):
        "Draw the first 32 rows and 64 columns of matrices side by side; the larger a number, the darker."
        fig, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 2.1), dpi=80, sharey=True)
        for ax, (title, m) in zip(axes, panels.items()):
            m = m[:32, :64].float()
            ax.imshow(m, cmap='Greys', vmin=0, vmax=min(1, 4 * float(m.mean())), aspect='auto', interpolation='nearest')
            ax.set(title=title.replace('_', ' '), xlabel='input')
        axes[0].set_ylabel('output')
        fig.tight_layout()
    first_query = 'bert.encoder.layer.0.attention.self.query'
    query = matrix(minilm.get_submodule(first_query))
    largest = dict(smallest({first_query: magnitude_score(query)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=largest)
    chance = dict(smallest({first_query: random_score(query, 0)}.get, [first_query], .5))[first_query]
    assert abs(query[chance].abs().mean() / query[~chance].abs().mean() - 1) < .02


def test_Noise(): # nbs/api/11_pruning.ipynb, cell 8ed9a201
    """Noise is the other control: no weight is dropped, but every weight is changed a little."""
    tiny = tiny_classifier()
    first = next(iter(prunable(tiny)))
    clean, loud, louder = (m.get_submodule(first).weight for m in (tiny, Noise(.1)(tiny), Noise(.2)(tiny)))
    assert abs((loud - clean).std() / clean.std() - 0.1) < 0.01 and torch.allclose(
        louder - clean, 2 * (loud - clean), atol=1e-6
    )
    with expect_fail(ValueError, 'scale = -1'): Noise(-1)(tiny)


def test_Taylor(): # nbs/api/11_pruning.ipynb, cell 4eabc495
    """The gradient is that of the mean loss on calibration texts, without dropout."""
    w, g = torch.tensor([[2., -3.]]), torch.tensor([[.5, .1]])
    assert torch.allclose(taylor_score(w, g), torch.tensor([[1., .3]])) # the larger weight goes first
    people = bios(200)
    worker = tiny_classifier(people.labels)
    some = batches(worker, people, n=12, length=24, batch_size=5)
    layer = dict(classifier=worker.classifier)
    whole = batches(worker, people, n=12, length=24, batch_size=12)
    # whatever the batches
    assert torch.allclose(
        gradients(worker, layer, some)['classifier'], gradients(worker, layer, whole)['classifier'], atol=1e-6
    )
    probabilities = worker(**whole[0]).logits.softmax(1)
    assert gradients(worker, layer, whole)['classifier'].sum(0).abs().max() < 1e-6 and all(
        p.requires_grad for p in worker.parameters()
    )
    worker.classifier.bias.requires_grad_(False)
    gradients(worker, layer, some)
    assert not worker.classifier.bias.requires_grad and worker.classifier.weight.requires_grad # as it was
    assert (
        torch.equal(
            gradients(worker.train(), layer, some)['classifier'], gradients(worker.eval(), layer, some)['classifier']
        )
        and not worker.training
    )
    twice = [Taylor(.5, n=16, length=32)(worker.train(), people) for _ in range(2)]
    assert worker.training
    assert all(torch.equal(m.weight, twice[1].get_submodule(n).weight) for n, m in prunable(twice[0]).items())
    worker.eval()
    with expect_fail(ValueError, 'taylor needs a classifier or a causal language model; tiny is a masked language model'):
        Taylor()(tiny_masked_lm(), people)


def test_Taylor_2(): # nbs/api/11_pruning.ipynb, cell 7fa6cdec
    """A weight stays where its product with the gradient is large, so some large weights go and some small ones stay."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    def corner(**panels):
        "Draw the first 32 rows and 64 columns of matrices side by side; the larger a number, the darker."
        fig, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 2.1), dpi=80, sharey=True)
        for ax, (title, m) in zip(axes, panels.items()):
            m = m[:32, :64].float()
            ax.imshow(m, cmap='Greys', vmin=0, vmax=min(1, 4 * float(m.mean())), aspect='auto', interpolation='nearest')
            ax.set(title=title.replace('_', ' '), xlabel='input')
        axes[0].set_ylabel('output')
        fig.tight_layout()
    first_query = 'bert.encoder.layer.0.attention.self.query'
    query = matrix(minilm.get_submodule(first_query))
    largest = dict(smallest({first_query: magnitude_score(query)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=largest)
    chance = dict(smallest({first_query: random_score(query, 0)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=chance)
    people = bios(200)
    reader = load_classifier(MINILM, labels=people.labels)
    read = batches(reader, people, n=16, length=32)
    grad = gradients(reader, {first_query: reader.get_submodule(first_query)}, read)[first_query]
    score = taylor_score(query, grad)
    matters = dict(smallest({first_query: score}.get, [first_query], .5))[first_query]
    # more than by chance, and far from all, are kept by magnitude as well
    assert .5 < (matters & largest).sum() / matters.sum() < .9


def test_Wanda(): # nbs/api/11_pruning.ipynb, cell fa31df05
    """The model is processed block by block, so each layer is judged on the inputs that the pruned blocks before it give."""
    people = bios(200)
    worker = tiny_classifier(people.labels)
    some = batches(worker, people, n=12, length=24, batch_size=5)
    layer = dict(classifier=worker.classifier)
    worker.classifier.bias.requires_grad_(False)
    gradients(worker, layer, some)
    worker.eval()
    assert wanda_score(torch.tensor([[2., -3.]]), torch.tensor([16., 1.])).tolist() == [[8, 3]]
    pruned = Wanda(.5, n=16, length=32)(worker, people)
    assert all((m.weight == 0).sum(1).eq(m.in_features // 2).all() for m in prunable(pruned).values())
    with expect_fail(ValueError, 'no threshold can be global'): Wanda(scope='global')(worker, people)
    with expect_fail(ValueError, 'needs data'): Wanda()(worker)
    with expect_fail(ValueError, 'is outside the blocks'): Wanda(modules='classifier', n=16)(worker, people)
    with expect_fail(ValueError, 'gate_up_proj, (4, 128, 32) in a MixtralExperts, is no linear layer'):
        Wanda(n=16)(tiny_classifier(people.labels, family='mixtral'), people)
    part = Wanda(.5, n=16, length=32, modules='*self_attn*')(tiny_classifier(people.labels, family='mixtral'), people)
    assert all((m.weight == 0).sum(1).eq(16).all() for n, m in prunable(part).items() if 'self_attn' in n)


def test_Wanda_2(): # nbs/api/11_pruning.ipynb, cell c35fbdb4
    """Wanda keeps four of five of them, magnitude one of three."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    def corner(**panels):
        "Draw the first 32 rows and 64 columns of matrices side by side; the larger a number, the darker."
        fig, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 2.1), dpi=80, sharey=True)
        for ax, (title, m) in zip(axes, panels.items()):
            m = m[:32, :64].float()
            ax.imshow(m, cmap='Greys', vmin=0, vmax=min(1, 4 * float(m.mean())), aspect='auto', interpolation='nearest')
            ax.set(title=title.replace('_', ' '), xlabel='input')
        axes[0].set_ylabel('output')
        fig.tight_layout()
    first_query = 'bert.encoder.layer.0.attention.self.query'
    query = matrix(minilm.get_submodule(first_query))
    largest = dict(smallest({first_query: magnitude_score(query)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=largest)
    chance = dict(smallest({first_query: random_score(query, 0)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=chance)
    people = bios(200)
    reader = load_classifier(MINILM, labels=people.labels)
    read = batches(reader, people, n=16, length=32)
    loudness = {}
    walk(
        reader,
        {first_query: reader.get_submodule(first_query)},
        read,
        SquaredNorms,
        lambda n, layer, norms: loudness.update({n: norms.total}),
    )
    score = wanda_score(query, loudness[first_query])
    heard, loudest = by_row(score, .5), int(loudness[first_query].argmax())
    assert heard.sum(1).eq(192).all() and loudest == 63 and heard[:, 63].float().mean() > .75
    assert largest[:, 63].float().mean() < .35


def test_cubic(): # nbs/api/11_pruning.ipynb, cell e1dc1ba2
    """Layers that are [frozen](15_factorization.ipynb) stay as they are, and the sparsity counts the other layers alone."""
    assert cubic(0, .8) == 0 and np.isclose(cubic(.5, .8), .7) and cubic(1, .8) == cubic(2, .8) == .8
    fig, ax = plt.subplots(figsize=(3.6, 2.2))
    ax.plot(t := np.linspace(0, 1, 50), [cubic(v, .8) for v in t])
    ax.set(xlabel='share of the schedule', ylabel='sparsity')


def test_Gradual(): # nbs/api/11_pruning.ipynb, cell 19b1b7f9
    """What went early is gone later."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    first_query = 'bert.encoder.layer.0.attention.self.query'
    keeper = _Smallest({first_query: copy.deepcopy(minilm.get_submodule(first_query))}, Gradual(.8, 'layer'))
    stages = {}
    for t in (.1, .4, 1):
        keeper.renew(cubic(t, .8))
        stages[f'{cubic(t, .8):.0%} gone'] = keeper.keep[first_query]
    first, middle, last = stages.values()
    assert not (middle & ~first).any() and not (last & ~middle).any() and abs(last.float().mean() - .2) < 1e-3


def test_Movement(): # nbs/api/11_pruning.ipynb, cell 6b4b6aaa
    """Where the scores begin at the magnitudes, one step is not enough for that."""
    layer = torch.nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1., 2.]])
    moving, slower = (
        _Moving(dict(a=layer), Movement(scope='global', start='zero', score_lr=1.0)),
        _Moving(dict(a=layer), Movement(scope='global')),
    )
    assert np.allclose(slower.score['a'], [[1 / 1.5, 2 / 1.5]])
    layer.weight.grad = torch.tensor([[-1., 1.]]) # the loss falls when the first grows and the second shrinks
    moving.before_step()
    assert np.allclose(moving.score['a'], [[1, -1]])
    slower.before_step()
    assert np.allclose(slower.score['a'], [[1 / 1.5 + .01, 2 / 1.5 - .01]])
    moving.renew(.5)
    assert layer.weight.tolist() == [[1, 0]] and moving.whole['a'].tolist() == [[1, 2]]
    for _ in range(9):
        layer.weight.grad = torch.tensor([[3., -4.]])
        moving.before_step(); assert layer.weight.grad.tolist() == [[3, 0]] # scored behind the mask, not moved
    moving.renew(.5)
    assert layer.weight.tolist() == [[0, 2]]


def test_Movement_2(): # nbs/api/11_pruning.ipynb, cell 0add0bfd
    """On the layer of MiniLM, with 100 steps of one and the same gradient: weights that the gradient pushes outwards come back, and others go for them."""
    minilm, peer, by_layer = (load_classifier(MINILM, labels=['no', 'yes']) for _ in range(3))
    def corner(**panels):
        "Draw the first 32 rows and 64 columns of matrices side by side; the larger a number, the darker."
        fig, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 2.1), dpi=80, sharey=True)
        for ax, (title, m) in zip(axes, panels.items()):
            m = m[:32, :64].float()
            ax.imshow(m, cmap='Greys', vmin=0, vmax=min(1, 4 * float(m.mean())), aspect='auto', interpolation='nearest')
            ax.set(title=title.replace('_', ' '), xlabel='input')
        axes[0].set_ylabel('output')
        fig.tight_layout()
    first_query = 'bert.encoder.layer.0.attention.self.query'
    query = matrix(minilm.get_submodule(first_query))
    largest = dict(smallest({first_query: magnitude_score(query)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=largest)
    chance = dict(smallest({first_query: random_score(query, 0)}.get, [first_query], .5))[first_query]
    corner(magnitude=query.abs(), kept=chance)
    people = bios(200)
    reader = load_classifier(MINILM, labels=people.labels)
    read = batches(reader, people, n=16, length=32)
    grad = gradients(reader, {first_query: reader.get_submodule(first_query)}, read)[first_query]
    layer = copy.deepcopy(minilm.get_submodule(first_query))
    moving = _Moving({first_query: layer}, Movement(.5))
    moving.renew(.5)
    before = moving.keep[first_query]
    for _ in range(100):
        layer.weight.grad = grad.clone()
        moving.before_step()
    moving.renew(.5)
    came = moving.keep[first_query] & ~before
    assert torch.equal(before, largest) and (query * grad < 0)[came].float().mean() > .95 and came.float().mean() > .05


def test_Movement_3(): # nbs/api/11_pruning.ipynb, cell 8ac0cbed
    """Both methods reach their sparsity, on a classifier and on a language model, and are better than the same model pruned at once without training."""
    tiny = tiny_classifier()
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    dense = finetune(tiny, toy, epochs=4, lr=5e-3, progress=False)
    line = ' '.join(f'{w} then' for w in ('one', 'two', 'three', 'four') * 200)
    story = Corpus(dict(train=line, validation=line, test=line))
    for method in (Gradual(.9, epochs=6, lr=5e-3, every=2), Movement(.9, epochs=6, lr=5e-3, every=2)):
        small, speaker = method(dense, toy), method(tiny_lm(), story)
        for model in (small, speaker):
            share = np.mean([(m.weight == 0).float().mean() for m in prunable(model).values()])
            # each layer rounds
            assert abs(sum(int((m.weight == 0).sum()) - 0.9 * m.weight.numel() for m in prunable(model).values())) <= len(
                prunable(model)
            )
        assert predict(small, toy).accuracy > 0.95 and perplexity(speaker, story, length=16) < perplexity(
            tiny_lm(), story, length=16
        )
    with expect_fail(ValueError, 'a schedule has no pattern'): Gradual(scope='2:4')(dense, toy)
    with expect_fail(ValueError, 'epochs and lr must be above 0'): Movement(epochs=0)(dense, toy)
    with expect_fail(ValueError, 'start magnitude or zero'): Movement(start='one')(dense, toy)


def test_Movement_4(): # nbs/api/11_pruning.ipynb, cell da2f1325
    """With the first of two blocks frozen, all zeros are in the second."""
    tiny = tiny_classifier()
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    for method in (Gradual(.5, epochs=.5, every=1), Movement(.5, epochs=.5)):
        inner = prunable((Freeze(1) >> method)(tiny, toy))
        still = [n for n in inner if n.startswith('bert.encoder.layer.0.')]
        gone = torch.cat([(m.weight == 0).flatten() for n, m in inner.items() if n not in still])
        assert (
            len(still) == 6
            and all(torch.equal(inner[n].weight, tiny.get_submodule(n).weight) for n in still)
            and abs(gone.float().mean() - 0.5) < 1e-3
        )
        with expect_fail(ValueError, "All layers that '*' matches are frozen"): (Freeze(2) >> method)(tiny, toy)


def test_zeros(): # nbs/api/11_pruning.ipynb, cell b99b6c42
    """The same holds for weights without a linear layer: half of all weights are zero, and each row has as many zeros as any other, on whichever side its inputs are."""
    mixture, upside, xl = (tiny_classifier(family=f) for f in ('mixtral', 'gpt_oss', 'xlnet'))
    experts, attention, ids = (
        'model.layers.0.mlp.experts.down_proj',
        'transformer.layer.0.rel_attn.',
        torch.arange(1000, 1020)[None],
    )
    for model in (mixture, upside, xl):
        small = Magnitude(.5)(model)
        every = [p for n, p in small.named_parameters() if p.dim() > 1 and '.layer' in n and n not in left_dense(model)]
        assert (
            sum(int((p == 0).sum()) for p in every)
            == sum(p.numel() for p in every) / 2
            == model.record.nonzero - small.record.nonzero
            and zeros(small) == 0.5
        )
        with tempfile.TemporaryDirectory() as folder: again = load_classifier(save(small, f'{folder}/model'))
        assert torch.equal(read_sample(again, ids), read_sample(small, ids)) and again.record == small.record
    rows = [Magnitude(.25, 'row')(model) for model in (mixture, upside, xl)] # of 64 inputs, and of 32
    assert (rows[0].get_parameter(experts) == 0).sum(2).eq(16).all() and (rows[1].get_parameter(experts) == 0).sum(1).eq(
        16
    ).all()
    assert (rows[2].get_parameter(attention + 'q') == 0).sum(0).eq(8).all() and (
        rows[2].get_parameter(attention + 'o') == 0
    ).sum((1, 2)).eq(8).all()
    pairs = Magnitude(scope='2:4')(upside).get_parameter(experts)
    assert (pairs.view(4, 16, 4, 32) == 0).sum(2).eq(2).all()
    with expect_fail(ValueError, 'w is multiplied in more than one way, so it has no rows'):
        _need_rows('w', Bare(xl, 'w', None), 'row')


def test_zeros_2(): # nbs/api/11_pruning.ipynb, cell 0d4f0e03
    """Experts are also pruned during training and by their gradients, as layers are, and further training keeps their zeros."""
    words = pd.DataFrame(
        [
            dict(text=f'{w} {i}', label='yes' if w == 'good' else 'no', groups=g)
            for i in range(100)
            for w, g in (('good', 'a'), ('bad', 'b'))
        ]
    )
    toy = GroupedText.from_frame(words, name='toy')
    experts = 'model.layers.0.mlp.experts.down_proj'
    mixed = tiny_classifier(toy.labels, family='gpt_oss')
    for method in (Taylor(.5, n=16, length=8), Gradual(.5, 'layer', epochs=.5, every=1), Movement(.5, 'row', epochs=.5)):
        small = method(mixed, toy); p = small.get_parameter(experts)
        assert abs(zeros(small) - .5) < 1e-3 and (p == 0).any()
        if method.scope == 'row': assert (p == 0).sum(1).eq(32).all()
        more = finetune(small, toy, epochs=.5, lr=1e-3, progress=False).get_parameter(experts)
        assert (more[p == 0] == 0).all() and not torch.equal(more, p)


@pytest.mark.heavy
def test_zeros_3(): # nbs/api/11_pruning.ipynb, cell 3fc3c3aa
    people = bios(200)
    methods = [
        Random(0.5),
        Magnitude(0.5),
        Magnitude(0.5, 'row'),
        Magnitude(scope='2:4'),
        Taylor(0.5, n=16, length=32),
        Wanda(0.5, n=16, length=32),
        Wanda(scope='2:4', n=16, length=32),
    ]
    trained = [Gradual(.5, epochs=.5, every=1), Movement(.5, epochs=.5, every=1)]
    with tempfile.TemporaryDirectory() as folder:
        for family in ('bert', 'distilbert', 'roberta', 'gpt2', 'llama'):
            model = tiny_classifier(people.labels, family=family)
            for method in methods + trained:
                small = method(model, people)
                assert abs(zeros(small) - .5) < 1e-3 and small.record.method == str(method) == str(parse(str(method)))
                again = load_classifier(save(small, f'{folder}/model'))
                assert zeros(again) == zeros(small) and np.array_equal(logits(again, ['a text']), logits(small, ['a text']))
        for family in ('gpt2', 'llama'):
            for method in methods: assert abs(zeros(method(tiny_lm(family), people)) - .5) < 1e-3


def test_zeros_4(): # nbs/api/11_pruning.ipynb, cell 4d9e7bb1
    """Masked language models that use one matrix for head and embeddings are pruned and saved in the same way, also in int8."""
    tiny = tiny_classifier()
    def other(family):
        torch.manual_seed(0)
        model = AutoModelForMaskedLM.from_config(
            AutoConfig.for_model(
                family,
                hidden_size=32,
                embedding_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                intermediate_size=64,
                vocab_size=30522,
                pad_token_id=0,
                **dict.fromkeys(('bos_token_id', 'cls_token_id'), 101),
                **dict.fromkeys(('eos_token_id', 'sep_token_id'), 102),
            )
        )
        model.tokenizer, model.name = tiny.tokenizer, family
        return model.eval()
    ids = torch.arange(1000, 1020)[None]
    with tempfile.TemporaryDirectory() as folder:
        for family in ('modernbert', 'electra', 'albert'):
            model = other(family); small = (Magnitude(.5) >> Int8())(model)
            assert torch.equal(small.get_input_embeddings().weight, model.get_input_embeddings().weight)
            with torch.no_grad(): assert torch.equal(load(save(small, f'{folder}/model'))(ids).logits, small(ids).logits)


@pytest.mark.slow
def test_zeros_5(): # nbs/api/11_pruning.ipynb, cell f293e43e
    """The random mask shows how much of this is due to the score."""
    sns.despine()
    sns.despine()
    jobs = bios(2000)
    dense = finetune(MINILM, jobs, epochs=2, progress=False)
    levels = [0, .1, .2, .3, .4, .5, .6, .7]
    kinds = dict(random=Random, magnitude=Magnitude, taylor=Taylor, wanda=Wanda)
    curve = {name: [predict(kind(s)(dense, jobs), jobs).accuracy for s in levels] for name, kind in kinds.items()}
    assert curve['random'][5] < min(curve[k][5] for k in ('magnitude', 'taylor', 'wanda'))
    fig, ax = plt.subplots(figsize=(4.6, 2.8))
    for name, values in curve.items(): ax.plot(levels, values, 'o-', ms=4, label=name)
    ax.set(xlabel='sparsity', ylabel='accuracy', title=f'MiniLM, bios, n = {len(jobs["test"])}, seed 0')
    ax.legend(frameon=False)
    sns.despine()
