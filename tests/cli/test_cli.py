# SPDX-License-Identifier: Apache-2.0
"""The command line against daemons that answer as told: exit codes, where text goes, and errors a real daemon never makes.

Usage: test_cli.py PROGRAM. Prints TAP."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from fake_daemon import FakeDaemon, frame  # noqa: E402

PROGRAM = sys.argv[1]
STATUS, POST, FOLLOW, NEARBY, WATCH = 1, 2, 3, 4, 5
DONE, ERROR, POSTED, ALERT_ROW, EVENT_ROW, STATUS_ROW = 64, 65, 66, 67, 69, 70
NOW = int(time.time())
ID = bytes(range(0x1a, 0x3a))

done = frame(DONE, {})


def status(state=3, **more):
    fields = {1: 1, 2: state, 10: 5, 11: 2, 12: 3, 13: 1, 14: 0, 15: "0.1.0", 16: "/x"}
    fields.update({int(k[1:]): v for k, v in more.items()})
    return frame(STATUS_ROW, fields) + done


def alert(**more):
    fields = {1: 1, 2: ID, 3: "Miller", 4: False, 5: 1, 6: 1, 8: 6, 9: 2, 10: 1, 11: 1, 12: 1, 13: 1, 14: "u33dc0t",
              15: 52516300, 16: 13377700, 18: "It burns", 19: NOW - 60, 21: NOW + 3600, 22: 0, 23: 0, 24: 0}
    fields.update({int(k[1:]): v for k, v in more.items()})
    return fields


def posted(**more):
    fields = {1: 1, 2: ID, 3: 2, 4: 4, 6: NOW + 3600, 7: True}
    fields.update({int(k[1:]): v for k, v in more.items()})
    return frame(POSTED, fields) + done


def run(argv, answers, stdin="", name="control.sock", timeout=20):
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeDaemon(folder, answers, name)
        p = subprocess.run([PROGRAM, "--data", folder] + argv, input=stdin, capture_output=True, text=True,
                           timeout=timeout)
        fake.close()
        p.requests = fake.requests
        return p


def nobody_home():
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([PROGRAM, "nearby", "--data", folder], capture_output=True, text=True)
    assert p.returncode == 3 and p.stdout == "" and "porchlight: daemon-not-running: " in p.stderr, p
    assert "porchlightd &" in p.stderr
    p = subprocess.run([PROGRAM, "status", "--json", "--data", "/" + "x" * 100], capture_output=True, text=True)
    assert p.returncode == 2 and json.loads(p.stderr)["error"]["name"] == "data-folder-too-long", p


def usage_goes_to_stderr():
    p = subprocess.run([PROGRAM, "post", "fier"], capture_output=True, text=True)
    assert p.returncode == 2 and p.stdout == "" and "did you mean fire?" in p.stderr, p
    p = subprocess.run([PROGRAM, "nearby", "--json", "--frm"], capture_output=True, text=True)
    assert json.loads(p.stderr)["error"]["name"] == "usage", p
    for argv in ([], ["help"], ["help", "post"], ["post", "--help"], ["alert", "--help"], ["help", "mesh"]):
        p = subprocess.run([PROGRAM] + argv, capture_output=True, text=True)
        assert p.returncode == 0 and p.stdout and p.stderr == "", (argv, p)


def post_says_what_became_of_it():
    p = run(["post", "fire", "behind", "no. 12"], [posted()])
    assert p.returncode == 0 and p.stdout.startswith("posted, handed to 2 homes\nid 1a1b1c1d, ends "), p
    assert "112 or 911" in p.stderr, p
    assert b"behind no. 12" in p.requests[0]
    p = run(["post", "noise", "-"], [posted(_3=0, _5=NOW - 900)], stdin="a bang\n")
    assert p.returncode == 6 and "NOT SENT: no home reachable since" in p.stdout and p.stderr == "", p
    assert b"a bang" in p.requests[0] and b"bang\n" not in p.requests[0]
    p = run(["post", "noise", "--json"], [posted(_3=0, _4=0)])
    row = json.loads(p.stdout)
    assert p.returncode == 0 and row["handed_to"] == 0 and row["id"] == ID.hex(), p


def dry_run_shows_the_alert():
    p = run(["post", "fire", "--dry-run"], [frame(ALERT_ROW, alert()) + done])
    assert p.returncode == 0 and "It burns" in p.stdout and p.stderr == "", p


def text_too_long():
    p = run(["post", "other", "x" * 513], [])
    assert p.returncode == 2 and "bad-text" in p.stderr, p
    p = run(["post", "other", "-"], [], stdin="x" * 4000)
    assert p.returncode == 2, p


def nearby_says_how_current_it_is():
    p = run(["nearby"], [status(), frame(ALERT_ROW, alert()) + done])
    assert p.returncode == 0 and "fire Severe" in p.stdout and p.stderr == "porchlight: replica: current, 3 neighbours\n", p
    p = run(["nearby"], [status(5, _3=NOW - 60), done])
    assert p.returncode == 0 and "ALONE since" in p.stderr and "No alerts in force" in p.stdout, p
    p = run(["nearby", "--json", "--since", "-2h"], [status(), (frame(ALERT_ROW, alert()) * 3) + done])
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    assert len(rows) == 3 and rows[0]["severity"] == "Severe" and "since " in p.stderr, p


def max_age_fails_when_stale():
    p = run(["nearby", "--max-age", "10m"], [status(5, _3=NOW - 3600)])
    assert p.returncode == 1 and "porchlight: stale: " in p.stderr and p.stdout == "", p
    p = run(["nearby", "--max-age", "10m"], [status(5, _3=NOW - 60), done])
    assert p.returncode == 0, p


def text_of_neighbours_is_escaped():
    p = run(["nearby"], [status(), frame(ALERT_ROW, alert(_3="\x1b[2JEve", _18="\x1b]0;x\x07\u202eabc")) + done])
    assert "\x1b" not in p.stdout and "\u202e" not in p.stdout and "\\u{1B}" in p.stdout, p
    p = run(["status"], [frame(ERROR, {1: "odd", 2: "\x1b[31mred", 4: 5})])
    assert p.returncode == 5 and "\x1b" not in p.stderr, p


def errors_are_the_daemons():
    p = run(["post", "fire", "--json"], [frame(ERROR, {1: "quota", 2: "used up", 3: "wait", 4: 5})])
    assert p.returncode == 5 and p.stdout == "", p
    assert json.loads(p.stderr.splitlines()[-1]) == {"error": {"name": "quota", "message": "used up", "hint": "wait"}}, p


def mad_daemons():
    for answer in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n",
                   b"\x00\x00\x00\x02\x46\x80", b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff", frame(31, {})):
        p = run(["status"], [answer])
        assert p.returncode == 1 and "bad-answer" in p.stderr, (answer, p)
    p = run(["status"], [])
    assert p.returncode == 3 and "daemon-gone" in p.stderr, p
    p = run(["nearby"], [status(), frame(ALERT_ROW, alert())[:40]])
    assert p.returncode == 3 and "daemon-gone" in p.stderr, p
    p = run(["nearby"], [status(), frame(ALERT_ROW, alert()) + frame(250, {})])
    assert p.returncode == 1 and "It burns" in p.stdout, p
    p = run(["post", "noise"], [status()])
    assert p.returncode == 1 and "bad-answer" in p.stderr and p.stdout == "", p


def retract_needs_yes():
    p = run(["alert", "retract", "1a1b"], [])
    assert p.returncode == 2 and "--yes" in p.stderr, p
    p = run(["alert", "retract", "1a1b", "--yes"], [posted()])
    assert p.returncode == 0 and p.stdout.startswith("retracted, handed to"), p
    p = run(["alert", "update", "1a1b"], [])
    assert p.returncode == 2 and "nothing would change" in p.stderr, p
    p = run(["alert", "show", "xyz"], [])
    assert p.returncode == 2, p


def passphrase_needs_a_source():
    p = run(["mesh", "create", "Elm", "--household", "Miller"], [], name="owner.sock")
    assert p.returncode == 2 and "--passphrase-file" in p.stderr and "--no-passphrase" in p.stderr, p
    p = run(["mesh", "create", "Elm", "--household", "Miller", "--passphrase-file", "-"], [done], stdin="sesame\nx",
            name="owner.sock")
    assert p.returncode == 0 and p.requests[0].find(b"sesame") > 0 and b"sesame\n" not in p.requests[0], p
    p = run(["mesh", "create", "Elm", "--household", "Miller", "--passphrase-file", "-"], [], name="owner.sock")
    assert p.returncode == 2, p


def charter_files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "charter")
        argv = ["mesh", "create", "Elm", "--household", "Miller", "--no-passphrase", "--charter", path]
        for text, want in (("urgent = 24\n# why\n\nmax_members=50", 0), ("urgent 24", 2), ("urgnt = 24", 2),
                           ("urgent = 0", 2), ("urgent = x", 2)):
            with open(path, "w") as f:
                f.write(text)
            p = run(argv, [done], name="owner.sock")
            assert p.returncode == want and (want == 0 or "bad-charter" in p.stderr), (text, p)


def watch_streams_until_told():
    event = frame(EVENT_ROW, {1: 1, 2: 7, 3: 1, 4: [alert()]})
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeDaemon(folder, [status(), event, None])
        p = subprocess.Popen([PROGRAM, "watch", "--json", "--data", folder], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        row = json.loads(p.stdout.readline())
        assert row["seq"] == 7 and row["event"] == "posted" and row["alert"]["kind"] == "fire", row
        p.send_signal(signal.SIGINT)
        assert p.wait(10) == 0
        fake.close()
    p = run(["watch", "--json"], [status(), event])
    assert p.returncode == 3 and "daemon-gone" in p.stderr and p.stdout.count("\n") == 1, p


def watch_ends_with_its_reader():
    event = frame(EVENT_ROW, {1: 1, 2: 7, 3: 1, 4: [alert()]})
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeDaemon(folder, [status(), event, None])
        p = subprocess.Popen([PROGRAM, "watch", "--json", "--data", folder], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdout.readline()
        p.stdout.close()
        assert p.wait(10) == 0
        fake.close()


def watch_runs_a_program():
    event = frame(EVENT_ROW, {1: 1, 2: 7, 3: 1, 4: [alert()]})
    with tempfile.TemporaryDirectory() as folder:
        seen = os.path.join(folder, "seen")
        p = run(["watch", "--exec", "sh", "-c", 'cat >> "$1"; exit 3', "sh", seen], [status(), event * 2])
        with open(seen) as f:
            rows = [json.loads(line) for line in f]
    assert [r["seq"] for r in rows] == [7, 7] and p.returncode == 3 and "ended with 3; going on" in p.stderr, p
    p = run(["watch", "--exec", "/nonexistent/program"], [status(), event])
    assert p.returncode == 1 and "exec-failed" in p.stderr, p


TESTS = [nobody_home, usage_goes_to_stderr, post_says_what_became_of_it, dry_run_shows_the_alert, text_too_long,
         nearby_says_how_current_it_is, max_age_fails_when_stale, text_of_neighbours_is_escaped, errors_are_the_daemons,
         mad_daemons, retract_needs_yes, passphrase_needs_a_source, charter_files, watch_streams_until_told,
         watch_ends_with_its_reader, watch_runs_a_program]

print(f"1..{len(TESTS)}")
failed = 0
for i, test in enumerate(TESTS, 1):
    try:
        test()
        print(f"ok {i} - {test.__name__}", flush=True)
    except Exception as e:
        failed += 1
        print(f"not ok {i} - {test.__name__}\n# " + str(e).replace("\n", "\n# ") or repr(e), flush=True)
sys.exit(1 if failed else 0)
