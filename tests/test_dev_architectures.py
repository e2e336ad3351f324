# Generated from nbs/api/17_architectures.ipynb: edit the notebook
import pytest
from fastcore.test import expect_fail
from IPython.display import HTML
from fairprune.mitigate.mitigation import mitigations
from fairprune.dev.architectures import architecture_table, _attends, _features, _given, _perplexes, _predicts, _scores
import copy
import dataclasses
import pandas as pd
from torch import nn
import fairprune as fp
from fairprune.method import methods, parse
from fairprune.record import measure
from fairprune.dev.architectures import *


@pytest.mark.slow
def test_the_table(): # nbs/api/17_architectures.ipynb, cell f9bfbddf
    """Making the table takes a quarter of an hour."""
    found = architecture_table()
    assert found.verdict.isin(['right', 'refused']).all(), found[~found.verdict.isin(['right', 'refused'])].to_string()


def test_running(): # nbs/api/17_architectures.ipynb, cell 284cbd3a
    """Some of the texts are longer than the sliding windows of the tiny models."""
    texts = examples()
    assert (
        len(texts['train']) == 16
        and len(texts['test']) == 4
        and {len(w) for w in texts['test']['tokens'][:]} == {11, 21, 30, 40}
    )


def test_kinds_of(): # nbs/api/17_architectures.ipynb, cell 4e9d6222
    """So is XLNet, whose language model reads ahead."""
    assert (
        kinds_of('bert') == ('classifier', 'masked')
        and kinds_of('llama') == ('classifier', 'causal')
        and kinds_of('mamba') == ('causal',)
        and kinds_of('t5') == kinds_of('xlnet') == ('classifier',)
    )


def test_cases(): # nbs/api/17_architectures.ipynb, cell 4ceb0e12
    """A masked language model is compressed and not trained, so one method that trains stands for all of them."""
    named = {type(m).__name__.lower() for ms in cases('classifier').values() for m in ms}
    assert {
        n for n, cls in methods().items() if cls.__module__.startswith('fairprune.') and n not in mitigations()
    } <= named and 'other' not in cases('classifier')
    shown = {c: ', '.join(map(str, ms)) for c, ms in cases('classifier').items()}


def test_block_weights(): # nbs/api/17_architectures.ipynb, cell 84bf39eb
    """If a layer keeps its weight in fewer bytes, the judge takes the weight as floats."""
    mixture = specimen('mixtral', 'causal')
    assert (
        block_weights(mixture)['model.layers.0.mlp.experts.down_proj'].shape == (4, 32, 64)
        and len(block_weights(mixture)) == 14
    )
    assert block_weights(specimen('gpt2', 'causal'))['transformer.h.1.mlp.c_fc.weight'].shape == (64, 32)


def test_changed(): # nbs/api/17_architectures.ipynb, cell 00940285
    """When a method compresses a copy, nothing of this may change in the original."""
    bert, before = specimen('bert', 'classifier'), None
    before = state(bert)
    assert changed(bert, before) == ''
    bert.classifier.weight.data[0, 0] += 1
    assert changed(bert, before) == 'classifier.weight'
    bert = specimen('bert', 'classifier')
    bert.config.note = 7
    assert changed(bert, before) == 'config'


def test_promises(): # nbs/api/17_architectures.ipynb, cell 538a9955
    """The parameters of a method tell the judge what the result must be: which share of the weights is zero, how many values a row may have, which rank a matrix has, and whether the model was trained or lost parts."""
    shown = {c: ', '.join(map(str, ms)) for c, ms in cases('classifier').items()}
    HTML(pd.DataFrame(dict(methods=shown)).to_html())
    assert promises(fp.Magnitude(0.3)) == dict(sparsity=0.3, changes=True) and promises(
        parse("heads() >> rtn(bits=3)")
    ) == dict(structure=True, bits=3, per='row', changes=True)
    assert (
        promises(fp.Distill(student='magnitude(sparsity=0.4)')) == dict(sparsity=0.4, trained=True, changes=True)
        and promises(fp.Freeze()) == {}
    )


def test_check_zeros(): # nbs/api/17_architectures.ipynb, cell 2a824e83
    """The library must name the weights that it leaves as they are."""
    half = fp.Magnitude()(specimen('bert', 'classifier'))
    check_zeros(half, .5)
    half.bert.encoder.layer[0].output.dense.weight.data.fill_(1.)
    with expect_fail(Wrong, '0.4'): check_zeros(half, .5)


def test_check_rank(): # nbs/api/17_architectures.ipynb, cell 270bea1e
    """Refusals are judged [elsewhere](#the-verdict): here the model exists."""
    shown = {c: ', '.join(map(str, ms)) for c, ms in cases('classifier').items()}
    HTML(pd.DataFrame(dict(methods=shown)).to_html())
    bert = specimen('bert', 'classifier')
    check_rounded(bert, fp.Rtn(bits=3)(bert), dict(bits=3, per='row'))
    with expect_fail(Wrong, 'stay in float'): check_rounded(bert, bert, dict(bits=8, per='row'))
    with expect_fail(Wrong, 'values a row'): check_rounded(bert, fp.Rtn(bits=4)(bert), dict(bits=3, per='row'))
    check_rank(fp.LowRank(rank=4)(bert), 4)
    with expect_fail(Wrong, 'has rank 6'): check_rank(fp.LowRank(rank=6)(bert), 4)


def test_check_outside(): # nbs/api/17_architectures.ipynb, cell b00365ac
    """The classifier is found by its number of rows, which is the number of labels."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    check_outside(bert, fp.Magnitude()(bert))
    with expect_fail(Wrong, 'as they were'): check_moved(bert, fp.Magnitude(0.)(bert))
    with expect_fail(Wrong, 'LoRA changes'):
        check_moved(bert, fp.finetune(bert, texts, epochs=1, batch_size=4, progress=False), lora=True)


def test_blanked(): # nbs/api/17_architectures.ipynb, cell cf7e27bf
    """The judge finds these places by looking for the columns of the small model in the dense one."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    fewer.bert.encoder.layer[0].attention.self.query.bias.data += 1
    with expect_fail(Wrong, 'logits differ'): check_structure(bert, fewer, texts)
    with expect_fail(Wrong, 'nothing is taken out'): check_structure(bert, bert, texts)


def test_check_calibration(): # nbs/api/17_architectures.ipynb, cell cf4de97d
    """So whatever lies between two blocks is taken into account."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    with expect_fail(Wrong, 'other inputs'): check_calibration(bert, fp.Magnitude(scope='row')(bert), wanda, texts)


def test_check_scores(): # nbs/api/17_architectures.ipynb, cell 948092ea
    """The judge finds this token as the one at which the logits have a gradient."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    assert (
        read_at(specimen('bert', 'classifier'), _given(bert, ['a river', 'a'])).tolist()
        == [[True, False, False, False]] * 2
    )
    assert read_at(specimen('llama', 'classifier'), _given(bert, ['a river', 'a'])).tolist() == [
        [False, False, False, True],
        [False, False, True, False],
    ]


def test_check_saved(): # nbs/api/17_architectures.ipynb, cell 6352594a
    """After `load`, and after plain `from_pretrained`, the model is the same to the last bit."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    tuned = fp.Magnitude()(specimen('bert', 'classifier'))
    check_saved(tuned, texts)
    tuned.record = dataclasses.replace(tuned.record, macs=tuned.record.macs // 2)
    with expect_fail(Wrong, 'multiply-adds'): check_saved(tuned, texts)
    tuned = specimen('bert', 'classifier')
    tuned.bert.encoder.layer.append(copy.deepcopy(tuned.bert.encoder.layer[0]))
    tuned.record = measure(tuned)
    with expect_fail(Wrong, 'load'): check_saved(tuned, texts)


def test_check(): # nbs/api/17_architectures.ipynb, cell 375fc46b
    """A refusal must leave the model as it was, even if the method was called to change the model in place."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    tuned = fp.Magnitude()(specimen('bert', 'classifier'))
    check_saved(tuned, texts)
    bert = specimen('bert', 'classifier')
    assert judged(bert, fp.Magnitude(), texts) == 'right' and judged(bert, fp.GPTQ(n=8, length=16), texts) == 'right'
    assert judged(bert, fp.Magnitude(scope='3:5'), texts).startswith('refused: scope 3:5 drops 0.4')


def test_check_2(): # nbs/api/17_architectures.ipynb, cell 03d0d60d
    """Others change the embeddings, or the model they were given, or refuse only after the work."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    tuned = fp.Magnitude()(specimen('bert', 'classifier'))
    check_saved(tuned, texts)
    bert = specimen('bert', 'classifier')
    class Third(fp.Magnitude, named=False):
        def apply(self, model, data, seed): return fp.Magnitude(.33).apply(model, data, seed)
    class Careless(fp.Magnitude, named=False):
        def apply(self, model, data, seed):
            super().apply(model, data, seed)
            model.get_input_embeddings().weight.data[5] = 0.
    class Late(fp.Magnitude, named=False):
        def apply(self, model, data, seed): super().apply(model, data, seed); raise ValueError('This comes too late.')
    class Greedy(fp.Magnitude, named=False):
        def __call__(self, model, data=None, seed=0, inplace=False): return super().__call__(model, data, seed, True)
    assert judged(bert, Third(), texts).startswith('wrong: 0.330 of the block weights')
    assert (
        judged(bert, Careless(), texts) == 'wrong: bert.embeddings.word_embeddings.weight is changed, which is in no block'
    )
    assert judged(bert, Late(), texts).startswith('wrong: refused once bert.encoder.layer.0')
    assert judged(specimen('bert', 'classifier'), Greedy(), texts).startswith('wrong: the original is changed')


def test_attention(): # nbs/api/17_architectures.ipynb, cell 5f94adcb
    """The judge compares all of this with plain passes of single texts."""
    texts = examples()
    bert = specimen('bert', 'classifier')
    fewer = fp.Heads(score='magnitude')(bert)
    check_structure(bert, fewer, texts)
    check_structure(bert, parse("layerdrop(keep=1, which='last')")(bert), texts)
    bert, wanda = specimen('bert', 'classifier'), fp.Wanda(n=8, length=16)
    check_calibration(bert, wanda(bert, texts), wanda, texts)
    tuned = fp.Magnitude()(specimen('bert', 'classifier'))
    check_saved(tuned, texts)
    bert = specimen('bert', 'classifier')
    for use in (_predicts, _features, _attends): use(copy.deepcopy(bert), 'bert', texts)
    bert.classifier.forward = lambda x: nn.functional.linear(x, bert.classifier.weight) + x.mean()
    with expect_fail(Wrong, 'logits of the features are off'): _features(bert, 'bert', texts)


def test_used(): # nbs/api/17_architectures.ipynb, cell e4a1344d
    """The judge must find that this is not right, or the library must refuse it."""
    assert used(specimen('bert', 'causal'), 'bert', _scores, running()) != 'right' # BERT reads to the right as well
    assert used(specimen('mamba', 'causal'), 'mamba', _perplexes, running()) == 'right'


@pytest.mark.heavy
def test_wide(): # nbs/api/17_architectures.ipynb, cell 17514523
    """A small part of the table takes only seconds and is an everyday test."""
    part = architecture_table(['bert', 'llama', 'mixtral', 'albert'], ['classifier'], ['weights', 'calibrated', 'rounded'])
    assert part.verdict.isin(['right', 'refused']).all(), part[~part.verdict.isin(['right', 'refused'])].to_string()
    assert (
        wide(part).loc[('bert', 'classifier')].tolist() == ['right'] * 3
        and wide(part).loc[('mixtral', 'classifier'), 'rounded'] == 'refused (1)'
    )
