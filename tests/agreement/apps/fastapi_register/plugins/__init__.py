def register(app):
    @app.get("/ping")
    def ping():
        return "pong"
