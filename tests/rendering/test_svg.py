from __future__ import annotations

from html import unescape
from xml.etree import ElementTree

from reconciler.model.plan import Plan
from reconciler.rendering.svg import plan_svg


def test_a_picture_is_the_same_each_time(laptop: Plan) -> None:
    picture = plan_svg([laptop], "reconcile plan")
    assert picture == plan_svg([laptop], "reconcile plan")
    assert "reconcile-matrix" in picture and "terminal-" not in picture.replace("clip-terminal", "").replace(
        "rich-terminal", ""
    )


def test_a_picture_is_xml_and_shows_the_plan(laptop: Plan) -> None:
    picture = plan_svg([laptop], "reconcile plan")
    text = "".join(ElementTree.fromstring(picture).itertext()).replace("\xa0", " ")
    assert "reconcile plan" in text
    assert "6 to add" in text and "boot.systemd" in text and '"0755"' in text


def test_a_picture_fetches_nothing(laptop: Plan) -> None:
    picture = plan_svg([laptop], "reconcile plan")
    assert "@font-face" not in picture and "url(http" not in picture and "href" not in picture


def test_a_picture_shows_no_secret_and_no_wrapped_line(laptop: Plan) -> None:
    picture = unescape(plan_svg([laptop], "x", verbose=True))
    assert "canary" not in picture
    assert "runs\xa0code\xa0later:" in picture
