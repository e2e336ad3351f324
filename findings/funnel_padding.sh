#!/usr/bin/env bash
# Funnel's scores of a text depend on the texts beside it in the batch, and even on the ids under the mask.
#
# Package      transformers 5.23.0, tokenizers 0.23.3, huggingface_hub 2.4.0, safetensors 0.8.0, torch 2.13.0 and numpy 2.4.6 from PyPI; tiny random models from
#              configuration. The default torch for Linux brings CUDA; PIP_EXTRA_INDEX_URL, set as the README says, spares that.
# Input        valid: texts of 5 to 24 ids alone, then padded to 30 with the attention mask that says so, then other ids where that mask is zero. eval(), no gradients.
# Expected     A padded text scores as it does alone, to rounding, and what the mask hides has no effect. So it is with BERT, run beside it.
# Seen         Funnel halves the sequence between blocks by the mean of neighbours, masked or not: a pair of one word and one padding token is a mixture, and the
#              mixture is masked away. `truncate_seq` then drops the end of the sequence: words where a text fills its batch, padding where it does not. Token scores
#              move by up to three times their spread; a classifier, which reads the first position, moves less. No warning. To pool is the architecture; that a mask
#              does not shield a text from it is not said: `attention_mask` is documented as keeping attention off the padding, as for every model.
# Who is hit   Who scores masked words, or compares a model with its compressed version on batches that are cut otherwise.
# Way out      Batches of one text. All texts padded to one length make a comparison fair, not the scores those of the text alone.
#
# Output:
#   torch 2.13.0+cpu, transformers 5.23.0
#     BertForMaskedLM: logits spread by 0.76; padding moves them by up to 0.00, other ids under the mask by up to 0.00
#     BertForTokenClassification: logits spread by 0.58; padding moves them by up to 0.00, other ids under the mask by up to 0.00
#     BertForSequenceClassification: logits spread by 0.24; padding moves them by up to 0.00, other ids under the mask by up to 0.00
#     FunnelForMaskedLM: logits spread by 8.65; padding moves them by up to 26.81, other ids under the mask by up to 22.75
#     FunnelForTokenClassification: logits spread by 0.91; padding moves them by up to 1.36, other ids under the mask by up to 0.71
#     FunnelForSequenceClassification: logits spread by 0.42; padding moves them by up to 0.18, other ids under the mask by up to 0.00
#     warnings: none
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 transformers==5.23.0 tokenizers==0.23.3 \
  huggingface_hub==2.4.0 safetensors==0.8.0 || { echo "torch 2.13.0 and transformers 5.23.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import logging, sys, warnings
import torch, transformers
from transformers import BertConfig, FunnelConfig

said = []  # every warning and every line that transformers logs at its default verbosity
warnings.showwarning = lambda message, *args, **kwargs: said.append(str(message))
listen = logging.Handler()
listen.emit = lambda record: said.append(record.getMessage())
logging.getLogger("transformers").addHandler(listen)

FUNNEL = FunnelConfig(vocab_size=200, block_sizes=[2, 2, 2], d_model=64, n_head=4, d_head=16, d_inner=128)
BERT = BertConfig(vocab_size=200, hidden_size=64, num_hidden_layers=6, num_attention_heads=4, intermediate_size=128, initializer_range=.1)
PAD, OTHER = 0, 7


@torch.no_grad()
def moved(model):
    alone, padded, hidden = [], [], []  # logits of the words of each text
    for length in range(5, 25):
        ids = torch.randint(8, 200, (1, length))
        long = torch.nn.functional.pad(ids, (0, 30 - length), value=PAD)
        mask = (long != PAD).long()
        for scores, i, m in ((alone, ids, torch.ones_like(ids)), (padded, long, mask), (hidden, long.masked_fill(mask == 0, OTHER), mask)):
            logits = model(input_ids=i, attention_mask=m).logits
            scores.append(logits[:, :length].flatten() if logits.dim() == 3 else logits.flatten())
    alone, padded, hidden = (torch.cat(scores) for scores in (alone, padded, hidden))
    return alone.std(), (padded - alone).abs().max(), (hidden - padded).abs().max()


print(f"torch {torch.__version__}, transformers {transformers.__version__}")
wrong = {}
for config, name in ((BERT, "Bert"), (FUNNEL, "Funnel")):
    for task in ("MaskedLM", "TokenClassification", "SequenceClassification"):
        torch.manual_seed(0)
        spread, by_padding, by_hidden = moved(getattr(transformers, f"{name}For{task}")(config).eval())
        wrong[name, task] = bool(by_padding > .1 * spread), bool(by_hidden > .1 * spread)
        print(f"  {name}For{task}: logits spread by {spread:.2f}; padding moves them by up to {by_padding:.2f}, other ids under the mask by up to {by_hidden:.2f}")
print("  warnings:", said or "none")

as_stated = {"MaskedLM": (True, True), "TokenClassification": (True, True), "SequenceClassification": (True, False)}
sys.exit(0 if not said and all(found == (as_stated[task] if name == "Funnel" else (False, False)) for (name, task), found in wrong.items()) else 1)
PYTHON

HF_HUB_OFFLINE=1 "$folder/venv/bin/python" "$folder/show.py"
