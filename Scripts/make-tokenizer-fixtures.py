#!/usr/bin/env python3
"""Makes Tests/Fixtures/tokenizer, what the tokenizer tests compare with.

    python3 Scripts/make-tokenizer-fixtures.py GPT2_FOLDER [--out FOLDER]

GPT2_FOLDER holds GPT-2's vocab.json and merges.txt (Scripts/fetch-gpt2.sh gets them). Needs `transformers`.
It writes
  small/vocab.json, small/merges.txt   a byte-level BPE tokenizer of about 1,000 tokens, trained here on text
                                       that this script makes
  cases.json                           test strings, their ids under that tokenizer and under GPT-2's, and
                                       sequences of ids with the text that Hugging Face decodes them to
Of GPT-2's tokenizer only ids of this script's own strings are written, never its vocabulary. The same package
versions give the same files.
"""

import argparse
import json
import pathlib
import random

import tokenizers
import transformers

END = "<|endoftext|>"
NAMES = """Mary John Alice Robert Susan Peter Laura Kevin Emma Daniel Sarah Thomas Olivia Joseph Victoria Christopher
Anna Joanna Hannah Kate Zoë José François Søren Łukasz Müller O'Brien McDonald Jean-Luc Nguyễn Ἀλέξανδρος Ольга
محمد फ़ातिमा 美咲 지민 דוד""".split()
PLACES = "store garden station library market museum harbour bakery Köln São-Paulo 東京 Москва".split()
THINGS = "ring letter basket drink book snack lantern kiwi naïveté crème-brûlée 本 книга".split()
VERBS = "gave handed passed offered lent showed brought threw".split()
OPENINGS = ["Then,", "After the long winter", "While the others slept,", "In 1984", "At 7:45", "Yesterday", "So"]
CONTRACTIONS = ["I'm", "you're", "he's", "we've", "they'll", "she'd", "don't", "IT'S", "I'M", "it 's", "''s", "'S",
                "'twas", "rock'n'roll", "y'all'd've", "'r", "'v", "'l", "'", "''", "'ll'll", "s'", "’s", "l'été"]
PUNCTUATION = [",", ".", "!", "?!", "...", "…", " - ", "—", "(", ")", "[x]", "{}", "\"", "“", "”", "#$%", "&&", "@me",
               "a/b", "C:\\dir", "~`^", "<|", "|>", "<|endoftext", "|endoftext|>", "<|ENDOFTEXT|>", "«", "»", "¿", "、"]
NUMBERS = ["0", "7", "42", "1984", "3.14159", "1,000,000", "1e-5", "0x1F", "x2", "2x", "²", "½", "Ⅷ", "٣٤", "१२", "⑩",
           "１２", "𝟘𝟙", "〇", "8th", "No5"]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🇫🇷", "🇫", "❤️", "❤", "🏴‍☠️", "1️⃣", "☎︎", "🧑🏿‍🚀", "✨✨", "🫠"]
MARKS = ["e\u0301", "\u00e9", "n\u0303", "\u0301", " \u0301", "a\u0300\u0301\u0302", "Z\u0351\u036b\u0343", "\u20dd",
         "o\u0308\u0323", "\u1e9b\u0323", "\ufb01", "\u212b", "\u00c5", "A\u030a", "\u0390", "\u03b9\u0308\u0301",
         "\uac00", "\u1100\u1161", "\u1100", "\u0e01\u0e33", "\u0ba8\u0bbf"]
SCRIPTS = ["漢字とかな", "カタカナ", "中文字符", "한국어", "العربية", "السَّلَامُ", "हिन्दी", "क्षत्रिय", "বাংলা", "ไทย", "עברית", "Ελληνικά",
           "кириллица", "ქართული", "አማርኛ", "𐍈𐌰𐌽", "𓀀𓁐", "𠮷野", "ꦗꦮ", "ᚠᚢᚦ", "ǅ", "ʰ", "ª", "ⅷ", "ⓐ"]
CONTROLS = [chr(c) for c in range(0x20)] + ["\x7f", "\x80", "\x85", "\x9f", "\xa0", "\xad"]
SPACES = ["\t", "\n", "\v", "\f", "\r", " ", "\x85", "\xa0", "\u1680", "\u2003", "\u2009", "\u2028", "\u2029", "\u202f",
          "\u205f", "\u3000", "\r\n", "  ", "   ", "\n\n", " \n", "\n ", " \t "]
# Joiners with nothing to join, lone selectors, no-break and invisible characters, private use, unassigned,
# non-characters and the highest scalars.
ODD = ["\u200d", "\u200c", "\u200b", "\u2060", "\ufeff", "\u180e", "\ufe0f", "\ufe0e", "\U000e0100", "\u200d\u200d",
       "a\u200db", "\u200d😀", "😀\u200d", "\ufe0f\ufe0f", "\u200e", "\u202e", "\ue000", "\U000f0000", "\u0378",
       "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\U0010ffff", "\ufffd", "\U000e0041", "\u0085\u00a0", "\U0001f3fb"]
POOLS = [NAMES, PLACES, THINGS, CONTRACTIONS, PUNCTUATION, NUMBERS, EMOJI, MARKS, SCRIPTS, CONTROLS, SPACES, ODD,
         [END], [" ", "  ", "\n"], ["a", "B", "é", "1", ".", "'", " "]]


def sentence(rng):
    first, second = rng.sample(NAMES, 2)
    return (f"{rng.choice(OPENINGS)} {first} and {second} went to the {rng.choice(PLACES)}. "
            f"{first} {rng.choice(VERBS)} a {rng.choice(THINGS)} to")


def scalar(rng):
    """Any Unicode scalar, small ones more often."""
    while True:
        value = rng.randrange(rng.choice([0x80, 0x250, 0x3000, 0x10000, 0x20000, 0x110000]))
        if not 0xD800 <= value < 0xE000:
            return chr(value)


def strings(rng):
    found = [""]
    for pool in POOLS:
        for item in pool:
            found += [item, " " + item, item + " ", f"a{item}b", f"x {item} 1", f"{item}  {item}"]
    found += [" " * n for n in (2, 3, 17, 200)] + ["\n" * 30, "\t \n" * 20, "a" + " " * 50 + "b", " " * 9 + "\n!"]
    found += [END * 3, f"one{END}two", f"one  {END}  two", f" {END} ", f"{END}'s", f"<|{END}|>", f"{END[:-1]}{END}"]
    found += ["ab" * 200, "na" * 150, "!?" * 100, "漢字" * 60, "😀" * 40, "1234567890" * 12]
    found += [sentence(rng) for _ in range(150)]
    while len(found) < 2300:
        found.append("".join(rng.choice(rng.choice(POOLS)) for _ in range(rng.randrange(2, 9))))
    while len(found) < 2700:
        found.append("".join(scalar(rng) for _ in range(rng.randrange(1, 12))))
    return list(dict.fromkeys(found))


def train(rng, folder):
    pieces = [item for pool in POOLS[:9] for item in pool]
    lines = [sentence(rng) for _ in range(3000)]
    lines += [" ".join(rng.choice(pieces) for _ in range(12)) for _ in range(1000)]
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(lines, vocab_size=1000, min_frequency=2, special_tokens=[], show_progress=False)
    tokenizer.add_special_tokens([END])
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    tokenizer.save_model(str(folder))
    ordered = dict(sorted(vocabulary.items(), key=lambda entry: entry[1]))
    (folder / "vocab.json").write_text(json.dumps(ordered), encoding="ascii")


def decoded(tokenizer, sequences):
    return [[ids, tokenizer.decode(ids, clean_up_tokenization_spaces=False)] for ids in sequences]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser()
    parser.add_argument("gpt2", type=pathlib.Path, help="folder with GPT-2's vocab.json and merges.txt")
    parser.add_argument("--out", type=pathlib.Path, default=root / "Tests/Fixtures/tokenizer")
    arguments = parser.parse_args()
    rng = random.Random(2)

    small_folder = arguments.out / "small"
    small_folder.mkdir(parents=True, exist_ok=True)
    train(rng, small_folder)
    small = transformers.GPT2TokenizerFast.from_pretrained(small_folder)
    gpt2 = transformers.GPT2TokenizerFast.from_pretrained(arguments.gpt2)
    if len(gpt2) != 50257:
        raise SystemExit(f"{arguments.gpt2}: {len(gpt2)} tokens, GPT-2 has 50257")

    texts = strings(rng)
    small_ids = small(texts)["input_ids"]
    gpt2_ids = gpt2(texts)["input_ids"]
    # Any ids at all for the small tokenizer; for GPT-2's the ids of the strings above, cut and shuffled, so that
    # what is written down are bytes of those strings. Neither is valid UTF-8 as a rule.
    small_sequences = [
        [rng.choice([rng.randrange(256), rng.randrange(len(small))]) for _ in range(rng.randrange(1, 9))]
        for _ in range(500)
    ]
    gpt2_sequences = []
    for ids in rng.sample([ids for ids in gpt2_ids if 2 <= len(ids) <= 40], 400):
        gpt2_sequences.append(rng.sample(ids, rng.randrange(1, min(len(ids), 12) + 1)))
    cases = {
        "made_with": f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}",
        "strings": texts,
        "small": small_ids,
        "gpt2": gpt2_ids,
        "small_decoded": decoded(small, small_sequences),
        "gpt2_decoded": decoded(gpt2, gpt2_sequences),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in cases.items()]
    (arguments.out / "cases.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="ascii")
    print(f"{len(texts)} strings, {len(small)} tokens in the small tokenizer")


if __name__ == "__main__":
    main()
