"""The 107 questions of easy-vqa as parts, and the same in Spanish, French and Italian.

Each question is a template and what fills it: a shape or a colour. The translations keep gender and agreement: what is
asked for is either a shape of masculine gender (triángulo, cercle, rettangolo) or a figure, feminine, with its colour.
"""

from typing import NamedTuple

LANGUAGES = ["en", "es", "fr", "it"]
SHAPES = ["circle", "rectangle", "triangle"]
COLOURS = ["black", "blue", "brown", "gray", "green", "red", "teal", "yellow"]

SHAPE_WORDS = {
    "es": {"circle": "círculo", "rectangle": "rectángulo", "triangle": "triángulo", "shape": "figura"},
    "fr": {"circle": "cercle", "rectangle": "rectangle", "triangle": "triangle", "shape": "forme"},
    "it": {"circle": "cerchio", "rectangle": "rettangolo", "triangle": "triangolo", "shape": "forma"},
}
# Feminine, as they follow figura, forme and forma. Teal is called turquoise: no everyday word is closer.
COLOUR_WORDS = {
    "es": dict(zip(COLOURS, "negra azul marrón gris verde roja turquesa amarilla".split())),
    "fr": dict(zip(COLOURS, "noire bleue marron grise verte rouge turquoise jaune".split())),
    "it": dict(zip(COLOURS, "nera blu marrone grigia verde rossa turchese gialla".split())),
}


class Question(NamedTuple):
    """kind: presence, colour_of, shape_of or shape. about: a shape, a colour, "shape" or nothing."""

    form: str        # which template
    kind: str
    about: str
    negated: bool
    text: str        # as easy-vqa has it


def is_colour(about):
    return about in COLOURS


# {x} is "a circle" or "a red shape"; {bare} the same without its article; {the} "the circle" or "the shape".
PRESENCE = {
    "contain": "does the image contain {x}?", "present": "is {x} present?",
    "there_in": "is there {x} in the image?", "there": "is there {x}?",
}
ABSENCE = {
    "contain": "does the image not contain {x}?", "present": "is no {bare} present?",
    "there_in": "is there not {x} in the image?", "there": "is there not {x}?",
}
COLOUR_OF = {"colour_is": "what color is the {noun}?", "the_colour": "what is the color of the {noun}?"}
SHAPE = {
    "shape_contain": "what shape does the image contain?", "shape_in": "what shape is in the image?", "shape_present": "what shape is present?",
}
SHAPE_OF = "what is the {colour} shape?"


def all_questions():
    """The 107 questions, in a fixed order."""
    questions = []
    for about in SHAPES + COLOURS:
        bare = f"{about} shape" if is_colour(about) else about
        for negated, templates in ((False, PRESENCE), (True, ABSENCE)):
            questions += [
                Question(form, "presence", about, negated, template.format(x=f"a {bare}", bare=bare)) for form, template in templates.items()]
    for noun in [*SHAPES, "shape"]:
        questions += [Question(form, "colour_of", noun, False, template.format(noun=noun)) for form, template in COLOUR_OF.items()]
    questions += [Question("shape_of", "shape_of", colour, False, SHAPE_OF.format(colour=colour)) for colour in COLOURS]
    return questions + [Question(form, "shape", "", False, text) for form, text in SHAPE.items()]


QUESTIONS = all_questions()
BY_TEXT = {question.text: number for number, question in enumerate(QUESTIONS)}


def spanish(question):
    words = SHAPE_WORDS["es"]
    if question.kind == "presence":
        colour = is_colour(question.about)
        bare = f"figura {COLOUR_WORDS['es'][question.about]}" if colour else words[question.about]
        a, none, no = ("una", "ninguna", "no ") if colour else ("un", "ningún", "no ")
        no = no if question.negated else ""
        return "¿" + {
            "contain": f"{no}contiene la imagen {a} {bare}", "present": f"{no}está presente {none if no else a} {bare}",
            "there_in": f"{no}hay {a} {bare} en la imagen", "there": f"{no}hay {a} {bare}",
        }[question.form] + "?"
    noun = words.get(question.about, "")
    the, of_the = ("la", "de la") if question.about == "shape" else ("el", "del")
    return "¿" + {
        "colour_is": f"de qué color es {the} {noun}", "the_colour": f"cuál es el color {of_the} {noun}",
        "shape_of": f"qué es la figura {COLOUR_WORDS['es'].get(question.about)}", "shape_contain": "qué figura contiene la imagen",
        "shape_in": "qué figura hay en la imagen", "shape_present": "qué figura está presente",
    }[question.form] + "?"


def french(question):
    words = SHAPE_WORDS["fr"]
    if question.kind == "presence":
        colour = is_colour(question.about)
        bare = f"forme {COLOUR_WORDS['fr'][question.about]}" if colour else words[question.about]
        a, none, it, present = ("une", "aucune", "elle", "présente") if colour else ("un", "aucun", "il", "présent")
        if question.negated:
            return {
                "contain": f"l'image ne contient-elle pas de {bare}", "present": f"{none} {bare} n'est-{it} {present}",
                "there_in": f"n'y a-t-il pas de {bare} dans l'image", "there": f"n'y a-t-il pas de {bare}",
            }[question.form] + " ?"
        return {
            "contain": f"l'image contient-elle {a} {bare}", "present": f"{a} {bare} est-{it} {present}",
            "there_in": f"y a-t-il {a} {bare} dans l'image", "there": f"y a-t-il {a} {bare}",
        }[question.form] + " ?"
    noun = words.get(question.about, "")
    the, of_the = ("la", "de la") if question.about == "shape" else ("le", "du")
    return {
        "colour_is": f"de quelle couleur est {the} {noun}", "the_colour": f"quelle est la couleur {of_the} {noun}",
        "shape_of": f"qu'est-ce que la forme {COLOUR_WORDS['fr'].get(question.about)}", "shape_contain": "quelle forme l'image contient-elle",
        "shape_in": "quelle forme y a-t-il dans l'image", "shape_present": "quelle forme est présente",
    }[question.form] + " ?"


def italian(question):
    words = SHAPE_WORDS["it"]
    if question.kind == "presence":
        colour = is_colour(question.about)
        bare = f"forma {COLOUR_WORDS['it'][question.about]}" if colour else words[question.about]
        a, none = ("una", "nessuna") if colour else ("un", "nessun")
        no = "non " if question.negated else ""
        return {
            "contain": f"l'immagine {no}contiene {a} {bare}", "present": f"{no}è presente {none if no else a} {bare}",
            "there_in": f"{no}c'è {a} {bare} nell'immagine", "there": f"{no}c'è {a} {bare}",
        }[question.form] + "?"
    noun = words.get(question.about, "")
    the, of_the = ("la", "della") if question.about == "shape" else ("il", "del")
    return {
        "colour_is": f"di che colore è {the} {noun}", "the_colour": f"qual è il colore {of_the} {noun}",
        "shape_of": f"che cos'è la forma {COLOUR_WORDS['it'].get(question.about)}", "shape_contain": "quale forma contiene l'immagine",
        "shape_in": "quale forma c'è nell'immagine", "shape_present": "quale forma è presente",
    }[question.form] + "?"


TRANSLATIONS = {
    "en": [question.text for question in QUESTIONS], "es": [spanish(question) for question in QUESTIONS],
    "fr": [french(question) for question in QUESTIONS], "it": [italian(question) for question in QUESTIONS],
}
