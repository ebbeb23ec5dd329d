"""`sda data profile`: what it says of raw data, as text, JSON, YAML and a page."""

import html.parser
import json
import random

import harness

VOID = {"meta", "rect", "line"}


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in turn, and collects what there is."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        self.text.append(data)


def log(rows, seed, shift=0):
    """A log with a leak, an id of each row, a skewed number, missing values, times."""
    draw = random.Random(seed)
    lines = ["click,price,visitor,paid,city,seen_at"]
    for row in range(rows):
        click = draw.random() < 0.3
        price = "" if draw.random() < 0.1 else f"{draw.lognormvariate(3 + shift, 1.5):.2f}"
        lines.append(f"{int(click)},{price},u{seed}-{row},{'yes' if click else 'no'},"
                     f"city{min(int(draw.expovariate(0.2)), 40)},2024-03-{row * 28 // rows + 1:02d}T00:00:00Z")
    return "\n".join(lines) + "\n"


def columns_of(profile):
    return {column["name"]: column for column in profile["columns"]}


def codes_of(profile, column):
    return {warning["code"] for warning in profile["warnings"] if warning["column"] == column}


class DataProfileTest(harness.SdaTestCase):
    def test_without_a_suite_it_starts_one_and_leaves_nothing(self):
        file = self.write("log.csv", log(2000, 1))
        done = self.sda("data", "profile", file, "--label", "click", "--state", self.state, "--json")
        self.assertEqual(done.process.returncode, 0, done.err)
        profile = json.loads(done.out)
        self.assertEqual(profile["rows_count"], 2000)
        self.assertFalse(self.state.exists())
        self.assertIn("LEAKAGE", codes_of(profile, "paid"))
        self.assertIn("IDENTIFIER", codes_of(profile, "visitor"))
        self.assertIn("SKEWED", codes_of(profile, "price"))
        self.assertIn("SPLIT_BY_TIME", codes_of(profile, "seen_at"))
        self.assertEqual(codes_of(profile, "city"), set())
        for warning in profile["warnings"]:
            self.assertTrue(warning["message"] and warning["suggestion"], warning)

    def test_every_form_says_the_same(self):
        self.start_local()
        at = ["--state", self.state]
        train = self.write("train.csv", log(3000, 1))
        test = self.write("test.csv", log(2000, 2, shift=2))
        command = ["data", "profile", train, "--test", test, "--label", "click", *at]
        profile = self.sda_json(*command)
        columns = columns_of(profile)
        self.assertEqual(profile["test_rows_count"], 2000)
        self.assertIn("DRIFT", codes_of(profile, "price"))
        self.assertGreater(columns["price"]["drift"]["kolmogorov_smirnov"], 0.3)
        self.assertEqual(columns["visitor"]["drift"]["unseen_share"], 1)
        self.assertEqual(columns["paid"]["label"]["held_out_auc"], 1)
        self.assertEqual(columns["seen_at"]["kind"], "TIME")

        text = self.sda(*command)
        self.assertRegex(text.out, r"error LEAKAGE paid: .*AUC 1")
        self.assertRegex(text.out, r"(?m)^price +number ")
        self.assertIn("3,000 rows", text.out)

        folder = self.folder / "report"
        done = self.sda(*command, "--output", f"{folder}/")
        self.assertEqual(done.process.returncode, 0, done.err)
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["profile.html", "profile.yaml"])
        yaml = (folder / "profile.yaml").read_text()
        self.assertIn("\nrows_count: 3000\n", yaml)
        self.assertIn("code: LEAKAGE", yaml)

        single = self.folder / "page.html"
        self.assertEqual(self.sda(*command, "--output", single).process.returncode, 0)
        written = single.read_text()
        self.assertEqual(written, (folder / "profile.html").read_text())
        page = Page()
        page.feed(written)
        self.assertEqual(page.open, [])
        self.assertNotIn("script", page.tags)
        self.assertTrue(all(link.startswith("#c") for link in page.links), page.links)
        self.assertGreaterEqual(page.tags.count("svg"), 4)
        for column in columns:
            self.assertIn(column, page.text)

        as_json = self.folder / "profile.json"
        self.assertEqual(self.sda(*command, "--output", as_json).process.returncode, 0)
        self.assertEqual(json.loads(as_json.read_text()), profile)

    def test_a_dataset_and_a_made_up_log(self):
        self.start_local()
        at = ["--state", self.state]
        clicks = self.clicks(3000)
        self.sda_json("dataset", "create", *at, "--data", clicks, "--label", "label", "--name", "clicks")
        profile = self.sda_json("data", "profile", "--dataset", "clicks", *at)
        self.assertEqual(profile["rows_count"] + profile["test_rows_count"], 3000)
        self.assertGreater(profile["test_rows_count"], 400)
        columns = columns_of(profile)
        self.assertEqual(len(columns), 40)
        self.assertEqual(columns["I1"]["kind"], "NUMBER")
        self.assertEqual(columns["C1"]["kind"], "CATEGORY")
        self.assertEqual({w["severity"] for w in profile["warnings"]} & {"ERROR"}, set())
        by_hash = self.sda_json("data", "profile", clicks, "--label", "0", "--split", "hash:C1", *at)
        self.assertEqual(columns_of(by_hash)["C1"]["drift"]["unseen_share"], 1)

    def test_what_is_wrong_is_named(self):
        self.start_local()
        at = ["--state", self.state]
        file = self.write("log.csv", log(50, 1))
        ragged = self.write("ragged.csv", "click,a\n1,2\n1\n")
        for arguments, said in (([], "FILE"), ([file, "--dataset", "x"], "--dataset"),
                                ([self.folder / "none.csv"], "does not exist"), ([file, "--label", "clack"], "clack"),
                                ([file, "--leakage-auc", "2"], "--leakage-auc"),
                                ([file, "--output", self.folder / "page.pdf"], ".html"),
                                ([file, "--output", self.folder / "no" / "page.html"], "is not a folder"),
                                ([file, "--json", "--output", "yaml"], "--json"),
                                ([ragged, "--label", "click"], "ragged.csv:3")):
            done = self.sda("data", "profile", *arguments, *at)
            self.assertEqual(done.process.returncode, 2, f"{arguments}: {done.out} {done.err}")
            self.assertIn(said, done.err, arguments)


if __name__ == "__main__":
    harness.main()
