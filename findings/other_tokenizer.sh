#!/usr/bin/env bash
# A tokenizer saved beside a Qwen2 configuration comes back from AutoTokenizer as another one: other ids for the same text, and no warning.
#
# Package      transformers 5.23.0, tokenizers 0.23.3, huggingface_hub 2.4.0, safetensors 0.8.0 and numpy 2.4.6 from PyPI. No PyTorch, no network after the
#              installation.
# Input        valid: a tokenizer trained here (WordPiece, or byte-level BPE as GPT-2's), `save_pretrained` of it and of a configuration into one folder.
# Expected     `AutoTokenizer.from_pretrained(folder)` gives the ids of the tokenizer that was saved: tokenizer.json holds all of it, tokenizer_config.json names its
#              class. So it is with a Llama or a GPT-2 configuration. The docs of AutoTokenizer say that the model type selects the class; they do not say that
#              tokenizer.json is then overruled.
# Seen         transformers keeps a list of model types whose checkpoints on the hub name a wrong class. For those of the list that have a tokenizer class of their own
#              (Qwen2, Qwen3.5) that class is built on the saved vocabulary with its own normalizer and splitting. No look at whether the files agree, no warning at the
#              default verbosity (the line on stderr says that PyTorch is not there). The words of WordPiece fall into letters and capitals vanish; of byte-level BPE
#              only the numbers differ, which is easily missed.
# Who is hit   Who trains or distils a small Qwen2 with a tokenizer of their own, saves it and measures what was loaded.
# Way out      Compare the ids of some texts after saving, or load by `PreTrainedTokenizerFast`.
#
# Output:
#   transformers 5.23.0: A doctor came at 10 and left in 2023.
#     WordPiece, saved: ['a', 'doctor', 'came', 'at', '10', 'and', 'left', 'in', '2023', '.']
#       beside llama: TokenizersBackend, the same ids
#       beside gpt2: TokenizersBackend, the same ids
#       beside qwen2: Qwen2Tokenizer, ['d', 'o', 'c', 't', 'o', 'r', 'c', 'a', 'm', 'e', 'a', 't', '1', '0', 'a', 'n', 'd', 'l', 'e', 'f', 't', 'i', 'n', '2', '0', '2', '3', '.']
#       beside qwen3_5: Qwen3_5Tokenizer, ['d', 'o', 'c', 't', 'o', 'r', 'c', 'a', 'm', 'e', 'a', 't', '1', '0', 'a', 'n', 'd', 'l', 'e', 'f', 't', 'i', 'n', '2', '0', '2', '3', '.']
#     byte-level BPE, saved: ['A', 'Ġdoctor', 'Ġcame', 'Ġat', 'Ġ10', 'Ġand', 'Ġleft', 'Ġin', 'Ġ2023', '.']
#       beside llama: TokenizersBackend, the same ids
#       beside gpt2: TokenizersBackend, the same ids
#       beside qwen2: Qwen2Tokenizer, ['A', 'Ġdoctor', 'Ġcame', 'Ġat', 'Ġ', '1', '0', 'Ġand', 'Ġleft', 'Ġin', 'Ġ', '2', '0', '2', '3', '.']
#       beside qwen3_5: Qwen3_5Tokenizer, ['A', 'Ġdoctor', 'Ġcame', 'Ġat', 'Ġ', '1', '0', 'Ġand', 'Ġleft', 'Ġin', 'Ġ', '2', '0', '2', '3', '.']
#     warnings: none
#
# Exit  0 as stated above · 1 it behaves otherwise now · 2 this machine cannot show it (the packages cannot be installed)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 tokenizers==0.23.3 huggingface_hub==2.4.0 safetensors==0.8.0 numpy==2.4.6 \
  || { echo "transformers 5.23.0 cannot be installed here."; exit 2; }

cat > "$folder/show.py" <<'PYTHON'
import logging, sys, tempfile, warnings
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerFast

said = []  # every warning and every line that transformers logs at its default verbosity
warnings.showwarning = lambda message, *args, **kwargs: said.append(str(message))
listen = logging.Handler()
listen.emit = lambda record: said.append(record.getMessage())
logging.getLogger("transformers").addHandler(listen)

TEXTS = ["The nurse said that she was late in 2023.", "A doctor came at 10 and left in 2023.", "He paid 650 for it."] * 5
COMMON = dict(special_tokens=["<pad>", "<unk>"], show_progress=False)


def fast(tokenizer, trainer):
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")


words, pieces = Tokenizer(models.WordPiece(unk_token="<unk>")), Tokenizer(models.BPE())
words.normalizer, words.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
kinds = {"WordPiece": fast(words, trainers.WordPieceTrainer(vocab_size=200, **COMMON)),
         "byte-level BPE": fast(pieces, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, **COMMON))}
right, text = {}, TEXTS[1]
print(f"transformers {transformers.__version__}: {text}")
for kind, saved in kinds.items():
    print(f"  {kind}, saved: {saved.tokenize(text)}")
    for model in ("llama", "gpt2", "qwen2", "qwen3_5"):
        with tempfile.TemporaryDirectory() as here:
            saved.save_pretrained(here)
            AutoConfig.for_model(model).save_pretrained(here)
            loaded, plain = AutoTokenizer.from_pretrained(here), PreTrainedTokenizerFast.from_pretrained(here)
        right[kind, model] = loaded(text).input_ids == saved(text).input_ids
        assert plain(text).input_ids == saved(text).input_ids
        print(f"    beside {model}: {type(loaded).__name__}, {'the same ids' if right[kind, model] else loaded.tokenize(text)}")
print("  warnings:", said or "none")

sys.exit(0 if not said and all(same == ("qwen" not in model) for (_, model), same in right.items()) else 1)
PYTHON

HF_HUB_OFFLINE=1 "$folder/venv/bin/python" "$folder/show.py"
