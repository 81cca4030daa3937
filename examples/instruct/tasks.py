"""Writes instructions that a program can check, as IFEval states them: `python3 tasks.py [FOLDER] [--seed N]`.

`tasks.jsonl` is to train on. `held-out.jsonl` has the same kinds of instructions on subjects that training never names;
`held-out-kinds.jsonl` has kinds that training never shows, on those subjects too. Rows are IFEval's: `prompt`, a list of
messages, `instruction_id_list` and `kwargs` (https://arxiv.org/abs/2311.07911). Needs Python alone.
"""

import argparse
import json
import pathlib
import random

COUNTS = {"tasks": 2000, "held-out": 200, "held-out-kinds": 200}

REQUESTS = [
    "Write a short story about {}.", "Explain {} to a child.", "Describe {}.", "Write a letter about {} to a friend.",
    "Give advice on {}.", "Write a blog post about {}.", "What should a beginner know about {}?",
    "Write a poem about {}.", "Write a product description for something to do with {}.",
    "Summarise what is known about {}.", "Write a speech about {}.", "Write a dialogue between two people about {}.",
    "Argue for and against {}.", "Write a diary entry about {}.", "Compare {} now and a hundred years ago.",
]
SUBJECTS = [
    "a lighthouse", "growing tomatoes", "the first snow", "a lost key", "riding a bicycle", "bees", "an old library",
    "baking bread", "the moon", "a train journey", "learning the piano", "rivers", "a family recipe", "volcanoes",
    "moving to a new city", "chess", "a stray cat", "sailing", "autumn leaves", "a broken clock", "running a marathon",
    "coffee", "an ancient map", "glaciers", "a night market", "photography", "whales", "repairing a radio", "deserts",
    "a birthday party", "medieval castles", "swimming in the sea", "honey", "a thunderstorm", "the postal service",
    "mountain huts", "knitting", "elephants", "a village school", "street musicians", "bridges", "the night sky",
    "making cheese", "a secret garden", "penguins", "an empty theatre", "taking the bus", "fishing", "a paper boat",
    "windmills", "learning a language", "owls", "a flea market", "canals", "climbing a tree", "tea", "a power cut",
    "keeping a diary", "wolves", "a long winter", "robots", "pottery", "a wedding", "tides", "public parks", "dragons",
    "a job interview", "the colour blue", "camping", "a neighbour's dog", "clouds", "writing a will", "football",
    "insomnia", "a museum at night", "spices", "the last day of school", "spiders", "a hot air balloon", "patience",
]
NEW_SUBJECTS = [
    "a ferry", "growing olives", "a desert island", "a missing umbrella", "skating", "ants", "a railway station",
    "brewing beer", "comets", "a tram ride", "learning the violin", "lakes", "a grandmother's ring", "earthquakes",
    "a first apartment", "card games", "a hedgehog", "rowing", "spring rain", "a cracked mirror", "juggling",
    "chocolate", "a sunken ship", "caves", "a fish market", "painting", "seals", "mending shoes", "swamps", "a picnic",
]
WORDS = ["river", "music", "garden", "window", "winter", "bread", "silver", "friend", "paper", "morning", "stone", "light"]
FORBIDDEN = ["very", "important", "also", "however", "great", "beautiful", "because", "people"]
ENDINGS = ["That is all.", "Is there anything else I can help with?", "Thank you for reading.", "The end."]


def kind(identifier, kwargs, text):
    return {"id": identifier, "kwargs": kwargs, "text": text}


def bounded(rng, low, high, step):
    return rng.randrange(low, high + 1, step)


def no_comma(_):
    return kind("punctuation:no_comma", {}, "Do not use any commas.")


def bullets(rng):
    count = rng.randint(2, 6)
    return kind("detectable_format:number_bullet_lists", {"num_bullets": count},
                f"Use exactly {count} bullet points, in markdown, such as: * A point.")


def highlights(rng):
    count = rng.randint(1, 4)
    return kind("detectable_format:number_highlighted_sections", {"num_highlights": count},
                f"Highlight at least {count} parts of your answer in markdown, such as *a highlighted part*.")


def sections(rng):
    count = rng.randint(2, 4)
    return kind("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": count},
                f"Your answer must have {count} sections. Mark the start of each with Section X, such as Section 1.")


def placeholders(rng):
    count = rng.randint(1, 4)
    return kind("detectable_content:number_placeholders", {"num_placeholders": count},
                f"Use at least {count} placeholders in square brackets, such as [address].")


def at_most_words(rng):
    count = bounded(rng, 40, 120, 10)
    return kind("length_constraints:number_words", {"relation": "less than", "num_words": count},
                f"Answer with less than {count} words.")


def at_least_words(rng):
    count = bounded(rng, 60, 140, 10)
    return kind("length_constraints:number_words", {"relation": "at least", "num_words": count},
                f"Answer with at least {count} words.")


def at_most_sentences(rng):
    count = rng.randint(3, 7)
    return kind("length_constraints:number_sentences", {"relation": "less than", "num_sentences": count},
                f"Your answer must have less than {count} sentences.")


def paragraphs(rng):
    count = rng.randint(2, 4)
    return kind("length_constraints:number_paragraphs", {"num_paragraphs": count},
                f"There should be {count} paragraphs. Paragraphs are separated by the markdown divider: ***")


def existence(rng):
    words = rng.sample(WORDS, rng.randint(1, 3))
    return kind("keywords:existence", {"keywords": words}, f"Use the words {', '.join(words)}." if len(words) > 1
                else f"Use the word {words[0]}.")


def frequency(rng):
    word, count = rng.choice(WORDS), rng.randint(2, 4)
    return kind("keywords:frequency", {"keyword": word, "frequency": count, "relation": "at least"},
                f"The word {word} should appear at least {count} times.")


def forbidden(rng):
    words = rng.sample(FORBIDDEN, rng.randint(1, 3))
    return kind("keywords:forbidden_words", {"forbidden_words": words}, f"Do not use these words: {', '.join(words)}.")


def ending(rng):
    phrase = rng.choice(ENDINGS)
    return kind("startend:end_checker", {"end_phrase": phrase},
                f"Finish your answer with this exact phrase and no other words after it: {phrase}")


def capitals(_):
    return kind("change_case:english_capital", {}, "Your whole answer must be in English and in capital letters only.")


def two_responses(_):
    return kind("combination:two_responses", {}, "Give two different answers, separated by six asterisks: ******")


def choice(_):
    return kind("detectable_format:constrained_response", {},
                "Say at one place one of: My answer is yes. My answer is no. My answer is maybe.")


def lowercase(_):
    return kind("change_case:english_lowercase", {},
                "Your whole answer must be in English and in lowercase letters only. No capital letters are allowed.")


def title(_):
    return kind("detectable_format:title", {},
                "Your answer must have a title in double angular brackets, such as <<a title>>.")


def quotation(_):
    return kind("startend:quotation", {}, "Wrap your whole answer in double quotation marks.")


def postscript(_):
    return kind("detectable_content:postscript", {"postscript_marker": "P.S."},
                "At the end of your answer, add a postscript that starts with P.S.")


def letters(rng):
    letter, count = rng.choice("kvwyz"), rng.randint(3, 8)
    return kind("keywords:letter_frequency", {"letter": letter, "let_frequency": count, "let_relation": "at least"},
                f"The letter {letter} should appear at least {count} times.")


TRAINED = [no_comma, bullets, highlights, sections, placeholders, at_most_words, at_least_words, at_most_sentences,
           paragraphs, existence, frequency, forbidden, ending, capitals, two_responses, choice]
NEW = [lowercase, title, quotation, postscript, letters]

# Kinds that one answer can hardly follow together.
APART = [
    {at_most_words, at_least_words, at_most_sentences, sections, two_responses},
    {capitals, ending, choice, lowercase, existence, frequency},
    {paragraphs, two_responses, sections},
    {ending, quotation, postscript},
    {bullets, at_most_sentences, sections, two_responses},
]


def together(kinds):
    return not any(len(apart.intersection(kinds)) > 1 for apart in APART)


def row(rng, kinds, subjects, most):
    request = rng.choice(REQUESTS).format(rng.choice(subjects))
    while True:
        chosen = rng.sample(kinds, rng.randint(1, most))
        if together(chosen):
            break
    instructions = [make(rng) for make in chosen]
    text = " ".join([request, *(instruction["text"] for instruction in instructions)])
    return {
        "prompt": [{"role": "user", "content": text}],
        "instruction_id_list": [instruction["id"] for instruction in instructions],
        "kwargs": [instruction["kwargs"] for instruction in instructions],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    of = {"tasks": (TRAINED, SUBJECTS, 3), "held-out": (TRAINED, NEW_SUBJECTS, 3), "held-out-kinds": (NEW, NEW_SUBJECTS, 1)}
    for name, (kinds, subjects, most) in of.items():
        rng = random.Random(f"{arguments.seed} {name}")
        rows = [row(rng, kinds, subjects, most) for _ in range(COUNTS[name])]
        path = arguments.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        print(f"{path}: {len(rows)} tasks")


if __name__ == "__main__":
    main()
