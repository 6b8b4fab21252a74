"""Pages for people, without JavaScript: a screen is a module and the template of the same name."""
