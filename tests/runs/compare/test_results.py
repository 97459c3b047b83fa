from dataclasses import replace

import numpy as np
import pytest

from cellwright.runs.compare.candidates import Candidate
from cellwright.runs.compare.estimate import Estimate
from cellwright.runs.compare.report import comparison_page
from cellwright.runs.compare.results import (
    COMPLETE,
    FAILED,
    Findings,
    Standing,
    Tried,
    in_order,
    leaderboard,
)
from cellwright.runs.compare.rounds import Round
from cellwright.runs.compare.verdict import said

FACTS = {
    "parameters": 400_000,
    "megabytes": 3.2,
    "seconds_per_megapixel": 0.4,
    "minutes_per_training": 2.0,
    "steps_per_training": 500.0,
    "patches": "4 of 256 × 256",
}


def standing(method, *rounds, network="unet", error=None):
    tables = {}
    for number, scores in enumerate(rounds, 1):
        values = np.array(scores, dtype=np.float64)
        tables[number] = {
            "image": np.array([f"{i}" for i in range(len(values))]),
            "group": np.array([""] * len(values)),
            **dict.fromkeys(("AP@0.5", "AP@0.75", "F1@0.5", "PQ"), values),
        }
    return Standing(Candidate(method, network), tables, dict(FACTS), error)


RNG = np.random.default_rng(0)
HARD = RNG.uniform(0.2, 0.9, 40)  # images differ more than candidates


@pytest.fixture
def findings():
    standings = (
        standing("offsets", HARD - 0.3),
        standing("watershed", HARD - 0.2, HARD),
        standing("stars", HARD - 0.1, HARD - 0.05 + RNG.normal(0, 0.02, 40)),
        standing("classical", HARD - 0.15, HARD - 0.15, network=None),
        standing("flows", error="No memory."),
    )
    held_out = (8, Estimate(0.5, 0.4, 0.6))
    rounds = (Round(3, 1.0), Round(2, 3.0))
    return Findings("instances", standings, rounds, 3, 5.0, ("A note.",), held_out=held_out)


def test_who_got_farthest_goes_first(findings):
    rows = leaderboard(findings)
    assert [row["method"] for row in rows] == ["watershed", "stars", "classical", "offsets"]
    results = ["recommended", "finalist", "baseline", "left out after round 1"]
    assert [row["result"] for row in rows] == results


def test_differences_are_taken_image_by_image_after_equal_training(findings):
    rows = {row["method"]: row for row in leaderboard(findings)}
    assert rows["stars"]["behind"] == pytest.approx(0.05, abs=0.01)
    wide = rows["stars"]["high"] - rows["stars"]["low"]
    narrow = rows["stars"]["behind_high"] - rows["stars"]["behind_low"]
    assert narrow < 0.1 * wide
    assert rows["offsets"]["behind"] == pytest.approx(0.1)  # of the first round, not of the last


def test_it_says_what_can_be_trusted(findings):
    text = " ".join(said(findings))
    assert "Recommended: watershed · unet" in text and "flatters" in text
    assert "On 8 images that were kept back" in text and "0.500 (0.400 to 0.600)" in text
    assert "offsets · unet did worse than classical" in text
    assert "stars · unet did worse" not in text and "Not surely worse" not in text


def test_who_has_no_score_goes_last():
    unknown = standing("stars", [np.nan] * 40)
    pair = (unknown, standing("watershed", HARD))
    assert [one.name for one in in_order(pair, "AP@0.5")] == ["watershed · unet", "stars · unet"]
    found = Findings("instances", pair, (Round(2, 1.0),), 3, 1.0, ())
    assert "nan" not in comparison_page(found, {}, {}, "").split("<svg", 1)[1].split("</table>")[0]


def tried(name, result, *rounds):
    return Tried({"learning rate": name}, standing("watershed", *rounds), result)


def test_what_a_search_found_is_told_also_where_trainings_failed(findings):
    def told(*those):
        return " ".join(said(replace(findings, tried=those)))

    usual, better = tried(0.002, COMPLETE, HARD), tried(0.004, COMPLETE, HARD + 0.1)
    assert "their AP@0.5 is 0.100" in told(usual, better)
    assert "None of 2 settings did better" in told(better, usual)
    half = tried(0.002, FAILED, HARD[:20])  # in its second fold
    assert "The usual ones could not be judged" in told(half, better)
    assert "The usual ones could not be judged" in told(tried(0.002, FAILED), better)
    assert "None of 1 setting could be judged" in told(tried(0.002, FAILED))


def test_a_tie_is_called_one():
    noise = np.random.default_rng(1).normal(0, 0.1, 40)
    pair = (standing("watershed", HARD), standing("stars", HARD + noise - noise.mean() - 0.001))
    text = " ".join(said(Findings("instances", pair, (Round(2, 1.0),), 3, 1.0, ())))
    assert "Not surely worse, after the same training: stars · unet" in text


def test_trainings_that_are_too_short_are_mentioned(findings):
    assert "short" not in " ".join(said(findings))
    findings.standings[0].facts["steps_per_training"] = 37.0
    assert "offsets · unet: 37 steps" in " ".join(said(findings))


def test_a_winner_that_needs_no_network_is_said_to_be_one():
    pair = (standing("watershed", HARD - 0.1), standing("classical", HARD, network=None))
    found = Findings("instances", pair, (Round(1, 1.0),), 3, 1.0, ())
    assert found.winner.name == "classical"
    assert "learning does not pay" in " ".join(said(found))


def test_who_took_too_long_keeps_the_score_of_earlier_rounds_and_none_else(findings):
    findings.standings[2].slow = "It took too long."
    findings.standings[0].slow, findings.standings[0].rounds = "It took too long.", {}
    names = [row["method"] for row in leaderboard(findings)]
    assert names == ["watershed", "stars", "classical"]
    assert findings.left_out == {"offsets · unet": "It took too long."}
    assert "left out for lack of time" in comparison_page(findings, {}, {}, "")


def test_the_page_escapes_names_and_holds_everything(findings):
    findings.standings[4].error = "<b>bad</b>"
    page = comparison_page(findings, {}, {"minutes": 3}, "cellwright compare x")
    assert "&lt;b&gt;bad&lt;/b&gt;" in page and "<b>bad" not in page
    assert page.count('class="interval"') == 4
    for expected in (
        "A note.",
        "watershed · unet",
        "Score by time of training",
        "1 candidate failed",
    ):
        assert expected in page
