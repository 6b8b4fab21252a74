"""YAML as keys that know their place. Scalars are text, but for an unquoted true, false or null: `12:30` stays so."""

import yaml

_PLAIN: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


class MappingError(Exception):
    """The mapping cannot be used: str() is "file:line:column: message"."""

    def __init__(self, file: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {message}")
        self.file, self.line, self.column, self.message = file, line, column, message


class Keys(dict[str, object]):
    """A YAML mapping; values are str, bool, None, list or Keys; places are (line, column) from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.key_places: dict[str, tuple[int, int]] = {}
        self.value_places: dict[str, tuple[int, int]] = {}


def compose(file: str, text: bytes) -> object:
    """The one document of a file. Raises MappingError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _value(file, node)
    except yaml.MarkedYAMLError as error:
        raise MappingError(file, *_place(error.problem_mark), str(error.problem)) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise MappingError(file, 1, 1, f"not readable as YAML: {error}") from error


def _value(file: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return _PLAIN.get(node.value, node.value) if node.style is None else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(file, item) for item in node.value]
    keys = Keys()
    for key, value in node.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise MappingError(file, *place, "a key must be a word, not a list or mapping")
        if key.value in keys:
            raise MappingError(file, *place, f"key {key.value!r} is there twice")
        keys.key_places[key.value] = place
        keys.value_places[key.value] = _place(value.start_mark)
        keys[key.value] = _value(file, value)
    return keys


def _place(mark: yaml.Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
