# Generated from nbs/api/05_corpus.ipynb: edit the notebook
import pytest
from pathlib import Path
import torch
import tempfile
import numpy as np
from fastcore.test import expect_fail
from torch.nn.functional import cross_entropy
from fairprune.models import load_lm, tiny_lm, tiny_masked_lm
from fairprune.named import SMOLLM2
from fairprune.synthetic import bios
from fairprune.corpus import *


def test_Corpus(): # nbs/api/05_corpus.ipynb, cell 3e07c240
    """A corpus is read from text files, or made of a dictionary of texts."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'a.txt').write_text('One text.\nAnother one.'); Path(folder, 'b.txt').write_text(' \n')
        two = Corpus.from_files(train=f'{folder}/a.txt', test=f'{folder}/a.txt')
        assert two['test'].startswith('One') and set(two.sources) == {'a.txt'}
        with expect_fail(ValueError, 'Empty split: test'):
            Corpus.from_files(train=f'{folder}/a.txt', test=f'{folder}/b.txt')
        with expect_fail(ValueError, 'No file'): Corpus.from_files(test=f'{folder}/c.txt')
    with expect_fail(ValueError, "No split 'dev'"): two['dev']


def test_running_text(): # nbs/api/05_corpus.ipynb, cell e2c68a15
    """So a classifier and a language model can be calibrated on the same data."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'a.txt').write_text('One text.\nAnother one.'); Path(folder, 'b.txt').write_text(' \n')
        two = Corpus.from_files(train=f'{folder}/a.txt', test=f'{folder}/a.txt')
        assert two['test'].startswith('One') and set(two.sources) == {'a.txt'}
        with expect_fail(ValueError, 'Empty split: test'):
            Corpus.from_files(train=f'{folder}/a.txt', test=f'{folder}/b.txt')
        with expect_fail(ValueError, 'No file'): Corpus.from_files(test=f'{folder}/c.txt')
    assert running_text(two, 'test') == two['test']
    assert len(running_text(bios(100), 'test').splitlines()) == len(bios(100)['test'])


@pytest.mark.data
def test_wikitext2(): # nbs/api/05_corpus.ipynb, cell afdb7676
    """Its validation part serves for calibration, and perplexity is computed on its test part."""
    wiki = wikitext2()
    assert wiki['test'].lstrip().startswith('= Robert Boulter =') and len(wiki.sources['wiki.test.raw']) == 64


def test_windows(): # nbs/api/05_corpus.ipynb, cell cc834d38
    """Calibration uses some of the windows, drawn by a seed."""
    lm = tiny_lm()
    text = ' '.join(f'word {i}' for i in range(300))
    every, some = windows(lm, text, 8), windows(lm, text, 8, n=5, seed=1)
    assert every.shape[1] == 8 and len(some) == 5 and torch.equal(some, windows(lm, text, 8, n=5, seed=1))
    assert all((every == row).all(1).any() for row in some) and not torch.equal(some, windows(lm, text, 8, n=5, seed=2))
    with expect_fail(ValueError, 'The text has'): windows(lm, 'too short', 64)
    with expect_fail(ValueError, 'length = 4096'): windows(lm, text, 4096)


def test_exp(): # nbs/api/05_corpus.ipynb, cell 7f57d98b
    """For any other model the perplexity is the exponential of the model's own loss."""
    lm = tiny_lm()
    text = ' '.join(f'word {i}' for i in range(300))
    story = Corpus(dict(test=text))
    blank = tiny_lm()
    blank.lm_head.weight.data.zero_()
    assert abs(perplexity(blank, story, length=8) - blank.config.vocab_size) < 1
    cut = windows(lm, text, 8)
    assert np.isclose(perplexity(lm, story, length=8), lm(input_ids=cut, labels=cut).loss.exp().item(), rtol=1e-4)
    assert perplexity(lm, story, length=8, n=3) == perplexity(lm, story, length=8, n=3)


def test_masked_perplexity(): # nbs/api/05_corpus.ipynb, cell 5a1612cd
    """The seed alone decides which tokens are hidden, so two models are asked for the same tokens."""
    text = ' '.join(f'word {i}' for i in range(300))
    filler, story = tiny_masked_lm(), Corpus(dict(test=text))
    ids = windows(filler, text, 8)
    with torch.no_grad(): blind = filler(input_ids=torch.full_like(ids[:1], filler.tokenizer.mask_token_id)).logits.float()
    assert (
        abs(
            masked_perplexity(filler, story, length=8, hidden=1.0)
            / cross_entropy(blind.expand(len(ids), -1, -1).flatten(0, 1), ids.flatten()).exp().item()
            - 1
        )
        < 1e-4
    )
    assert (
        masked_perplexity(filler, story, length=8)
        == masked_perplexity(filler, story, length=8)
        != masked_perplexity(filler, story, length=8, seed=1)
    )


def test_masked_perplexity_2(): # nbs/api/05_corpus.ipynb, cell c56fc52f
    text = ' '.join(f'word {i}' for i in range(300))
    filler, story = tiny_masked_lm(), Corpus(dict(test=text))
    maskless = tiny_lm()
    maskless.tokenizer.mask_token = None
    with expect_fail(ValueError, 'no mask token'): masked_perplexity(maskless, story, length=8)
    with expect_fail(ValueError, 'No token was hidden'): masked_perplexity(filler, story, length=8, hidden=0)


@pytest.mark.slow
@pytest.mark.data
def test_masked_perplexity_3(): # nbs/api/05_corpus.ipynb, cell 95900621
    """This is the perplexity of SmolLM2-135M on some windows of 512 tokens from the test part of WikiText-2."""
    smol = load_lm(SMOLLM2)
    found = perplexity(smol, wikitext2(), length=512, n=8)
    assert 15 < found < 35
