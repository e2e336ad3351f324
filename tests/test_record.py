# Generated from nbs/api/08c_record.ipynb: edit the notebook
import torch
from fairprune.layers import weights
from fastcore.test import expect_fail
from fairprune.models import tiny_classifier
from fairprune.record import *


def test_unadjusted(): # nbs/api/08c_record.ipynb, cell 8effc8c5
    """A record that comes from a file is checked before it is used."""
    odd = tiny_classifier()
    for told in (
        7,
        dict(method=''),
        dict(method='', parameters=1.5, nonzero=1, bytes=1, macs=1, seconds=0),
        dict(odd.record.as_dict(), speed=1),
    ):
        odd.config.fairprune = told
        with expect_fail(ValueError, 'The record of the model is damaged'): stored_record(odd)
    odd.config.fairprune = odd.record.as_dict()
    assert stored_record(odd).as_dict() == odd.record.as_dict()


def test_unadjusted_2(): # nbs/api/08c_record.ipynb, cell b8f9f486
    tiny = tiny_classifier()
    assert tiny.record.parameters == tiny.num_parameters() and tiny.record.bytes == 4 * tiny.record.parameters
    # width and inner width: four attention matrices and two of the feed-forward part in two layers, pooler, head
    h, f = 32, 64
    assert tiny.record.macs == 2 * (4 * h * h + 2 * h * f) + h * h + 2 * h


def test_unadjusted_3(): # nbs/api/08c_record.ipynb, cell a5090661
    """An older record without this entry can still be read."""
    tiny = tiny_classifier()
    assert tiny.record.arithmetic == 'float32' and measure(tiny_classifier().bfloat16()).arithmetic == 'bfloat16'
    old = tiny.record.as_dict()
    del old['arithmetic']
    assert Record(**old).as_dict() == tiny.record.as_dict() | dict(arithmetic='') and processor(tiny)


def test_unadjusted_4(): # nbs/api/08c_record.ipynb, cell 4118e969
    """RoBERTa reads fewer tokens than it has positions, because its positions begin after that of the padding token."""
    for family, positions in (('bert', 32), ('gpt2', 16), ('roberta', 34)):
        assert tiny_classifier(family=family, max_position_embeddings=positions).record.latency > 0


def test_unadjusted_5(): # nbs/api/08c_record.ipynb, cell dc0ac640
    """A convolution counts as well."""
    # width and inner width: four attention matrices and two of the feed-forward part in two layers, pooler, head
    h, f = 32, 64
    expert = 3 * f * h # gate, up and down
    mixed, shared, conv = (tiny_classifier(family=name) for name in ('mixtral', 'albert', 'deberta-v2'))
    attention, router, top = 3 * h * h, 4 * h, 2 * h # two heads share a key
    assert (
        mixed.record.macs == 2 * (attention + router + 2 * expert) + top
        and mixed.record.parameters > 2 * (attention + router + 4 * expert) + top
    )
    with torch.no_grad():
        for m in weights(mixed).values(): m.weight.view(-1)[::2] = 0
    assert measure(mixed).macs == mixed.record.macs / 2
    # two runs; the embedding is mapped to the width
    assert shared.record.macs == 2 * (4 * h * h + 2 * h * f) + h * 16 + h * h + 2 * h
    assert weights(conv)['deberta.encoder.conv.conv'].weight.numel() == 3 * h * h
