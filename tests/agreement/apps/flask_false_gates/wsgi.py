from app import app, login_required_if_configured, require_feature, require_params, token_required


@app.get("/sale")
@require_feature("SHOP_OPEN")
def sale():
    return "sale"


@app.get("/search")
@require_params()
def search():
    return "search"


@app.get("/optional")
@login_required_if_configured
def optional():
    return "optional"


@app.get("/believed")
@token_required
def believed():
    return "believed"
