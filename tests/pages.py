"""The commands of the pages, and what each page takes for granted before its first one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

# The first words of a command. A block that begins with one is commands, to its end.
_PROGRAMS = ("mlproject", "python", "mlflow", "make", "pip", "az", "curl", "eval", "export", ".")
_COMMAND = re.compile(rf"(?:\$ )?(?:{'|'.join(map(re.escape, _PROGRAMS))}) ")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|((?:^ {4}[^\n]*\n)+)", re.MULTILINE | re.DOTALL)
_OF_SEVERAL_LINES = re.compile(r"\\\n|<<'(\w+)'\n.*?^\1$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")
# Commands that no test of the pages runs, and why.
NOT_RUN = {
    r"\. \.venv/bin/activate": "the environment is active",
    r"make .*": "makes the environment that runs this; its targets are looked up",
    r"pip install .*": "needs a package index",
    r"az login\b.*": "asks a person",
    r"mlproject ui.*": "opens a browser; test_ui.py has it",
    r"mlflow run .*--env-manager uv.*": "needs a package index; test_mlflow_run.py has it",
    r".* s3://.*": "needs a cloud; test_scoring_object_stores.py has it",
}
# They stay until Ctrl-C.
_STAYING = ("mlproject serve", "mlproject emulator start")
# What capital words of a page stand for: runs are counted from the last one that was printed.
_WORDS = {"FIRST": "run 3", "SECOND": "run 2", "THIRD": "run 1", "RUN_ID": "run 1", "JOB": "job"}

BEGIN = r"""
set -euo pipefail
run() { sed -En "s/^run +([[:alnum:]_-]+)$/\1/p" "$PRINTED" | tail -n "$1" | head -n 1; }
job() { sed -En "s/^Submitted the job (\S+): .*/\1/p" "$PRINTED.log" | tail -n 1; }
iris() {
  python -c "import sklearn.datasets as d
d.load_iris(as_frame=True).data.to_csv('$1', index=False)"
}
rows() {
  python -c "import sklearn.datasets as d
frame = d.load_diabetes(as_frame=True).frame.rename(columns={'target': '${2:-target}'})
frame.to_csv('$1', index=False)"
}
staying() {
  "$@" > staying.log 2>&1 &
  trap "kill $!" EXIT
  until grep -qE "Ctrl-C|another shell" staying.log; do
    kill -0 $! || { cat staying.log; exit 1; }
    sleep 0.1
  done
}
"""


@dataclass(frozen=True)
class Page:
    """What stands before the commands of a page, after them, and for what cannot be here."""

    before: str = ""
    after: str = ""
    instead: dict[str, str] = field(default_factory=dict)
    workspace: bool = False  # emulated

    def changed(self, text: str) -> str:
        """Return a piece of the page with what stands for its words, and for what is elsewhere."""
        for theirs, ours in self.instead.items():
            text = text.replace(theirs, ours)
        for word, function in _WORDS.items():
            text = re.sub(rf"(?<![$\w]){word}\b(?!=)", f"$({function})", text)
        return text


@dataclass(frozen=True)
class Block:
    kind: str
    text: str

    @property
    def is_commands(self) -> bool:
        shown = self.kind in ("", "text") and _COMMAND.match(self.text)
        return self.kind == "bash" or bool(shown)

    @property
    def commands(self) -> list[str]:
        """The commands of a block, one each; those after a prompt, where there are prompts."""
        whole = _OF_SEVERAL_LINES.sub(lambda found: found[0].replace("\n", "\0"), self.text)
        lines = [line.replace("\0", "\n") for line in whole.splitlines() if line.strip()]
        if self.text.startswith("$ "):
            return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return lines


def blocks(path: Path) -> list[Block]:
    """Return the blocks of a page: fenced, or indented where text would not be."""
    found = []
    for kind, fenced, indented in _BLOCK.findall(path.read_text(encoding="utf-8")):
        text = fenced or re.sub(r"^ {4}", "", indented, flags=re.MULTILINE)
        found.append(Block(kind, text))
    return found


def hidden(path: Path) -> list[str]:
    """Return the lines with a command in blocks that are not commands."""
    return [
        line
        for block in blocks(path)
        if block.kind in ("", "text") and not block.is_commands
        for line in block.text.splitlines()
        if _COMMAND.match(line)
    ]


def left_out(command: str) -> str | None:
    """Return which entry of the list keeps a command from being run."""
    bare = re.sub(r" +#.*", "", command)
    return next((entry for entry in NOT_RUN if re.fullmatch(entry, bare)), None)


def script(path: Path) -> str:
    """Return a page as a program of a shell; its Python comes last, as one program."""
    page = SETUPS.get(path.name, Page())
    lines, program = [BEGIN, page.before], ""
    for block in blocks(path):
        if block.kind == "python":
            file = _FILE.match(block.text)
            if file:
                lines.append(_written(file[1], block.text))
            else:
                program += page.changed(block.text)
        elif block.is_commands:
            commands = [page.changed(command) for command in block.commands]
            lines += [_kept_going(command) for command in commands if not left_out(command)]
    if program:
        lines += [_written("program.py", program), "python program.py"]
    return "\n".join([*lines, page.after])


def _kept_going(command: str) -> str:
    return f"staying {command}" if command.startswith(_STAYING) else command


def _written(name: str, program: str) -> str:
    # Words of the page are what the shell puts in.
    escaped = re.sub(r"[\\`]|\$(?!\((?:run|job)\b)", r"\\\g<0>", program)
    return f"cat > {name} <<PYTHON\n{escaped}PYTHON"


TRAIN = "python -m training --no-report --quiet"
# In a checkout, as far as MLflow and a job look at it.
CHECKOUT = """
cp -r "$ROOT"/{src,recipes,MLproject,conda.yaml} .
git init -q && git add . && git -c user.name=a -c user.email=a@example.com commit -qm all
"""
# The gate is not asked for the time of a prediction, which others on this machine may double.
TWO_VERSIONS = f"""
mlproject recipes show diabetes-lassolars > any_time.yaml
echo "promotion: {{time_factor: 1000}}" >> any_time.yaml
{TRAIN} any_time.yaml --param model__alpha=20 --register NAME
mlproject models promote NAME
{TRAIN} any_time.yaml --param model__alpha=0.1 --register NAME
rows new.csv
"""
MY_SCRIPT = """
cat > my_script.py <<'PYTHON'
import mlflow

with mlflow.start_run():
    mlflow.log_metric("loss", 1)
PYTHON
"""
PORT = {"serve models:/": "serve --port $PORT models:/", ":5001/": ":$PORT/"}
HERE = {"--endpoint ": "--preflight here --endpoint "}
SETUPS = {
    "README.md": Page(
        before="rows my.csv price; rows new.csv price", instead=PORT | HERE, workspace=True
    ),
    "azure.md": Page(
        before=CHECKOUT + MY_SCRIPT + 'cp "$PIMA" pima.csv',
        instead={
            "--env-manager uv": "--env-manager local",
            "--run-id RUN_ID --input https://…/new.csv": "--run-id $(run 2) --input azureml:pima",
        },
        workspace=True,
    ),
    "emulator.md": Page(before=MY_SCRIPT, after="python -m pytest -q test_mine.py"),
    "how-the-gate-decides.md": Page(before=TWO_VERSIONS.replace("NAME", "prices")),
    "own-data.md": Page(before="rows my.csv price"),
    "promoting.md": Page(before=CHECKOUT + TWO_VERSIONS.replace("NAME", "diabetes")),
    "python.md": Page(
        before=TWO_VERSIONS.replace("NAME", "prices")
        + f"{TRAIN} iris-svc --param model__C=1; iris new.csv"
    ),
    "runs.md": Page(
        before=f"{TRAIN} iris-svc --param model__C=1\n"
        + "\n".join(f"{TRAIN} --param model__alpha={alpha}" for alpha in (1, 0.1, 0.01))
        + '\neval "$(mlproject tracking env)"',
        after="test -f comparison.html",
    ),
    "scoring.md": Page(
        before=CHECKOUT
        + TWO_VERSIONS.replace("NAME", "prices")
        + "mkdir lake; for day in 1 2; do rows lake/2026-11-0$day.csv; done",
        instead={"2026-11-*.parquet": "2026-11-*.csv"},
        after="test -f scored/_manifest.json",
    ),
    "scoring-on-clusters.md": Page(
        before=TWO_VERSIONS.replace("NAME", "prices")
        + """
mkdir lake new
mv new.csv lake
python -c "import pandas
pandas.read_csv('lake/new.csv').drop(columns='target').to_parquet('new/0.parquet')"
""",
        instead={
            "tcp://scheduler:8786": "$SCHEDULER",
            "s3://lake/2026-11/": "lake/",
            "s3://lake/scored/": "scored-by-dask/",
            "abfss://…/scored/": "scored-by-spark/",
            "abfss://…": "lake/",
            "models:/prices/3": "models:/prices/2",
            "df = spark": (
                "from pyspark.sql import SparkSession\n"
                "spark = SparkSession.builder.master('local[1]').getOrCreate()\n"
                "spark.sql('create database sales')\n"
                "for name in ('new', 'incoming'):\n"
                "    spark.read.parquet('new').write.saveAsTable(f'sales.{name}')\n"
                "df = spark"
            ),
            "scored = mlproject.spark": "scored = in_spark = mlproject.spark",
            "good = scored.where": "good = in_spark.where",
            ', method="predict_proba"': "",
            'sales.scored")\n)': 'sales.scored")\n)\nquery.processAllAvailable()',
        },
        after="test -f scored-by-spark/_manifest.json",
    ),
    "serving-and-endpoints.md": Page(
        before=r"""
python -c "import numpy, pandas
rows = pandas.DataFrame({'age': numpy.arange(200) % 50 + 20, 'bmi': numpy.arange(200) % 17 + 20.5})
rows.assign(outcome=rows['bmi'] * 2 > rows['age']).to_csv('rows.csv', index=False)"
cat > recipe.yaml <<YAML
name: pima
task: classification
data: {source: rows.csv, target: outcome}
split: {kind: stratified, test_size: 0.3}
pipeline: [{model: {LogisticRegression: {}}}]
search: {kind: none}
metrics: [accuracy]
YAML
python -m training recipe.yaml --no-report --register pima
mlproject models promote pima""",
        instead=PORT
        | HERE
        | {
            "deploy rollback": "deploy models:/pima/1 --preflight here --endpoint pima\n"
            "mlproject deploy rollback"
        },
        workspace=True,
    ),
    "trust.md": Page(
        before="""
python -c "import mlflow, pandas, sklearn.linear_model as linear
X = pandas.DataFrame({'a': [1.0, 2.0]})
mlflow.sklearn.save_model(
    linear.LinearRegression().fit(X, [1.0, 2.0]), 'pickled', pip_requirements=[],
    signature=mlflow.models.infer_signature(X, [1.0]), serialization_format='cloudpickle')
X.to_csv('new.csv', index=False)"
score() { python -m inference --model pickled --input new.csv --output out/ --overwrite "$@"; }""",
        instead={
            "python -m inference …": "score",
            "mlproject allow": 'echo "trust: [pickle]" > .mlproject.yaml; mlproject allow',
            "sha256:HEX": "$(score 2>&1 | grep -o 'sha256:[0-9a-f]*')",
        },
    ),
    "tutorial.md": Page(
        before="echo notes > notes.txt; git init -q && git add . && "
        "git -c user.name=a -c user.email=a@example.com commit -qm notes",
        instead=PORT,
        after=r"""
test -f again.csv
grep -q "'n.a' is not a number" "$PRINTED"
grep -q "promoted" "$PRINTED"
grep -q "answers  *blue" "$PRINTED" """,
    ),
    "where-runs-go.md": Page(
        before=CHECKOUT + "rows my.csv price", instead={"http://127.0.0.1:5000": "$SERVER"}
    ),
}
