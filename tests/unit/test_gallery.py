"""The gallery shows what relay does now."""

from docs.gallery import PAGE, gallery


def test_the_gallery_is_what_the_command_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == gallery(), "run: python docs/gallery.py"
