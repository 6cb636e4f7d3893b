"""The address of a file that pages load is put together once in a process."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

from queuesite.static_files import StaticFiles


def test_an_address_is_put_together_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        CompressedManifestStaticFilesStorage,
        "url",
        lambda storage, name, force=False: asked.append((name, force)) or f"/static/{name}?{len(asked)}",
    )
    storage = StaticFiles(location="/nowhere", base_url="/static/")

    addresses = [storage.url(name) for name in ("a.css", "b.js", "a.css", "b.js")]

    assert addresses == ["/static/a.css?1", "/static/b.js?2"] * 2
    assert asked == [("a.css", False), ("b.js", False)]
    assert storage.url("a.css", force=True) == "/static/a.css?3"
