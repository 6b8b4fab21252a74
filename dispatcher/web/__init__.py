"""What answers people: the API and the pages, in one ASGI application. `dispatcher.web.app.create_app`."""
