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
MEMBER_ROW, DEVICE_ROW, PROPOSAL_ROW, CODE_ROW = 73, 74, 76, 79
PEER_ROW = 71
CODE_REVOKE = 21
O_STATE_ROW, O_SENTENCE, O_VOTED = 80, 81, 82
LOCKED = 7
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


def dry_run_has_no_id():
    p = run(["post", "fire", "--dry-run"], [frame(ALERT_ROW, alert(_2=bytes(32))) + done])
    assert p.returncode == 0 and "  not posted; until " in p.stdout and "0000" not in p.stdout, p


def far_away_fits_its_column():
    for metres, want in ((9999999, " 9999 km  fire"), (16095432, " 16095km  fire")):
        p = run(["nearby"], [status(), frame(ALERT_ROW, alert(_17=metres)) + done])
        assert want in p.stdout and max(map(len, p.stdout.splitlines())) <= 80, p


def home_is_a_geohash():
    p = run(["nearby", "--at", "home"], [status(_25="u33dc0t"), status(_25="u33dc0t"), done])
    assert p.returncode == 0 and p.requests[2] == frame(NEARBY, {1: 62381239321})[4:], p
    p = run(["status", "--json"], [status(_25="u33dc0t")])
    assert json.loads(p.stdout)["home"] == "u33dc0t", p
    p = run(["status"], [status(_25="u33dc0t")])
    assert "\nplace      u33dc0t\n" in p.stdout, p
    p = run(["nearby", "--at", "home"], [status(), status()])
    assert p.returncode == 2 and "no-place" in p.stderr, p


def closed_streams_are_not_the_daemon():
    """A socket that is opened while stdout is closed must not become stdout."""
    for fd, code in ((0, 0), (1, 1), (2, 0)):
        with tempfile.TemporaryDirectory() as folder:
            fake = FakeDaemon(folder, [status(), frame(ALERT_ROW, alert()) + done, done])
            p = subprocess.run([PROGRAM, "nearby", "--data", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, timeout=20, preexec_fn=lambda: os.close(fd))
            fake.close()
            assert p.returncode == code and len(fake.requests) == 2, (fd, p, fake.requests)
            assert (fd == 1) == ("cannot-write" in p.stderr) and (fd == 1) == (p.stdout == ""), (fd, p)


def text_without_end():
    for argv in (["post", "other", "-"], ["join", "-", "--household", "B"], ["invite", "show", "-"]):
        with tempfile.TemporaryDirectory() as folder, open("/dev/zero", "rb") as endless:
            p = subprocess.run([PROGRAM, "--data", folder] + argv, stdin=endless, capture_output=True, text=True, timeout=20)
        assert p.returncode == 2 and "stdin holds more than" in p.stderr, p


def spaces_around_a_text_go():
    p = run(["post", "noise", "  a bang \n"], [posted()])
    assert p.requests[0] == frame(POST, {1: 19, 2: "a bang"})[4:], p.requests
    p = run(["post", "noise", "-"], [posted()], stdin=" \n\n")
    assert p.requests[0] == frame(POST, {1: 19})[4:], p.requests


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


def nearby_says_what_is_left_out():
    muted = "noise, Number\x1b[2J 9"
    p = run(["nearby"], [status(_20=muted), done])
    assert "porchlight: muted: noise, Number" in p.stderr and "\x1b" not in p.stderr, p
    assert p.stdout == "No alerts match.\n", p
    p = run(["nearby", "--muted"], [status(_20=muted), done])
    assert "muted" not in p.stderr and p.requests[1] == frame(NEARBY, {9: True})[4:], p


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
        # A file that says nothing gives what no file gives; one that cannot be read founds nothing.
        for text in ("", " \n\t\n", "# urgent = 1\n"):
            with open(path, "w") as f:
                f.write(text)
            p = run(argv, [done], name="owner.sock")
            bare = run(argv[:-2], [done], name="owner.sock")
            assert p.returncode == 0 and p.requests == bare.requests, (text, p)
        with open(path, "w") as f:
            f.write("# " + "x" * 300 + "\nurgent = 24\n")
        for endless in (path, "/dev/zero"):
            p = run(argv[:-1] + [endless], [], name="owner.sock")
            assert p.returncode == 2 and "line 1: the line is too long" in p.stderr and not p.requests, p
        for wrong in (folder, path + ".none"):
            p = run(argv[:-1] + [wrong], [], name="owner.sock")
            assert p.returncode == 1 and "cannot-read" in p.stderr and not p.requests, p


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


def full_pipe():
    """Both ends of a pipe that takes no byte more until it is read from."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"." * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


def watch_has_begun_when_it_says_something():
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeDaemon(folder, [status(), None])
        reader, writer = full_pipe()
        p = subprocess.Popen([PROGRAM, "watch", "--data", folder], stdout=subprocess.DEVNULL, stderr=writer)
        os.close(writer)
        end = time.monotonic() + 10
        while len(fake.requests) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        asked = len(fake.requests)
        with open(reader, "rb") as said:
            words = b""
            while b"replica: current" not in words:
                more = said.read1()
                assert more, words[-200:]
                words += more
            p.send_signal(signal.SIGINT)
            assert p.wait(10) == 0
        fake.close()
        assert asked == 2, asked  # before it could say a word


def watch_ends_with_its_limit():
    event = frame(EVENT_ROW, {1: 1, 2: 7, 3: 1, 4: [alert()]})
    p = run(["watch", "--json", "--limit", "2"], [status(), event * 3])
    assert p.returncode == 0 and p.stdout.count("\n") == 2, p
    p = run(["watch", "--limit", "1", "--exec", "sh", "-c", "echo ran; exit 1"], [status(), event * 3])
    assert p.returncode == 0 and p.stdout == "ran\n", p


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


def sentence(passphrase=False):
    return frame(O_SENTENCE, {1: "Remove the household \"Number 9\"?", 2: passphrase})


def voted(in_force=False):
    return frame(O_VOTED, {1: 1, 2: ID, 3: ID, 4: in_force, 5: 2 if in_force else 1, 6: 2}) + done


def vault_state(passphrase=True, household=True, unlocked=False):
    return frame(O_STATE_ROW, {1: 1, 2: household, 3: passphrase, 4: unlocked}) + done


REMOVE = ["member", "remove", "Number 9", "--reason", "moved away"]


def votes_want_a_yes():
    p = run(REMOVE, [], name="owner.sock")
    assert p.returncode == 2 and "--yes" in p.stderr and p.stdout == "" and not p.requests, p
    p = run(["member", "remove", "Number 9", "--yes"], [], name="owner.sock")
    assert p.returncode == 2 and "--reason" in p.stderr and not p.requests, p
    p = run(["mesh", "leave"], [], name="owner.sock")
    assert p.returncode == 2 and "--yes" in p.stderr and not p.requests, p


def votes_say_what_became_of_them():
    p = run(REMOVE + ["--yes", "--with-invited"], [sentence(), voted()], name="owner.sock")
    assert p.returncode == 0 and p.stderr == 'porchlight: Remove the household "Number 9"?\n', p
    assert p.stdout == "voted: 1 of 2 votes; others endorse with: porchlight member endorse 1a1b1c1d\n", p
    assert p.requests == [frame(4, {1: 3, 2: "Number 9", 3: "moved away", 4: True})[4:], frame(5, {})[4:]], p.requests
    p = run(REMOVE + ["--yes"], [sentence(), voted(True)], name="owner.sock")
    assert p.returncode == 0 and p.stdout == "voted: it is in force (Number 9)\n", p
    p = run(REMOVE + ["--yes", "--json"], [sentence(), voted(True)], name="owner.sock")
    row = json.loads(p.stdout)
    assert row["in_force"] and row["votes"] == 2 and row["needed"] == 2 and row["proposal"] == ID.hex(), p
    for words, fields in ((["member", "promote", "B"], {1: 5, 2: "B"}), (["member", "demote", "B"], {1: 6, 2: "B"}),
                          (["member", "endorse", "3F2A"], {1: 4, 2: "3F2A"}), (["mesh", "leave"], {1: 7}),
                          (["member", "vouch", "B"], {1: 10, 2: "B"}), (["member", "return", "B"], {1: 12, 2: "B"})):
        p = run(words + ["--yes"], [sentence(), voted(True)], name="owner.sock")
        unheard = words == ["mesh", "leave"]  # nobody has heard of it yet: it did not say that all was cleared
        assert p.returncode == (6 if unheard else 0) and ("NO OTHER HOME" in p.stdout) == unheard and p.stdout, (words, p)
        assert p.requests[0] == frame(4, fields)[4:], (words, p)
    p = run(["member", "endorse", "Miller", "--yes"], [], name="owner.sock")
    assert p.returncode == 2 and "member proposals" in p.stderr and not p.requests, p


def votes_take_a_passphrase_only_if_asked():
    p = run(REMOVE + ["--yes"], [sentence(True)], name="owner.sock")
    assert p.returncode == LOCKED and "passphrase-needed" in p.stderr and "--passphrase-file" in p.stderr, p
    assert len(p.requests) == 1, p
    p = run(REMOVE + ["--yes", "--passphrase-file", "-"], [sentence(True), voted()], stdin="sesame\n", name="owner.sock")
    assert p.returncode == 0 and p.requests[1] == frame(5, {1: b"sesame"})[4:], p
    p = run(REMOVE + ["--yes", "--passphrase-file", "-"], [sentence(), voted()], stdin="sesame\n", name="owner.sock")
    assert p.returncode == 0 and p.requests[1] == frame(5, {})[4:], p
    wrong = frame(ERROR, {1: "passphrase-wrong", 2: "it is wrong", 4: LOCKED})
    p = run(REMOVE + ["--yes", "--passphrase-file", "-"], [sentence(True), wrong], stdin="x\n", name="owner.sock")
    assert p.returncode == LOCKED and "passphrase-wrong" in p.stderr and len(p.requests) == 2, p


def mad_vaults():
    for answers in ([done], [sentence(), done], [sentence(), sentence() + done], [voted()]):
        p = run(REMOVE + ["--yes"], answers, name="owner.sock")
        assert p.returncode == 1 and "bad-answer" in p.stderr and p.stdout == "", (answers, p)
    p = run(REMOVE + ["--yes"], [sentence()], name="owner.sock")
    assert p.returncode == 3 and "daemon-gone" in p.stderr and p.stdout == "", p
    p = run(["vault", "show"], [done], name="owner.sock")
    assert p.returncode == 1 and "bad-answer" in p.stderr, p


def vault_opens_and_closes():
    p = run(["vault", "show", "--json"], [vault_state()], name="owner.sock")
    assert json.loads(p.stdout) == {"v": 1, "has_household": True, "passphrase": True, "unlocked": False}, p
    p = run(["vault", "unlock", "--for", "1h", "--passphrase-file", "-"], [vault_state(), done, vault_state()],
            stdin="sesame\n", name="owner.sock")
    assert p.returncode == 0 and "Open for 60 min, until" in p.stdout, p
    assert p.requests[1] == frame(6, {1: b"sesame", 2: 3600})[4:], p
    p = run(["vault", "unlock"], [vault_state()], name="owner.sock")
    assert p.returncode == LOCKED and "passphrase-needed" in p.stderr, p
    p = run(["vault", "unlock"], [vault_state(passphrase=False)] * 2, name="owner.sock")
    assert p.returncode == 0 and "always open" in p.stdout, p
    p = run(["vault", "unlock", "--for", "2d"], [], name="owner.sock")
    assert p.returncode == 2 and "out of bounds" in p.stderr, p
    p = run(["vault", "lock"], [vault_state(), done, vault_state()], name="owner.sock")
    assert p.returncode == 0 and p.stdout == "Locked.\n" and p.requests[1] == frame(7, {})[4:], p
    p = run(["vault", "lock"], [vault_state(household=False)], name="owner.sock")
    assert p.returncode == 4 and "no-household" in p.stderr, p


def vault_takes_another_passphrase():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "new")
        with open(path, "w") as f:
            f.write("four words are better\n")
        argv = ["vault", "passphrase", "--passphrase-file", "-"]
        p = run(argv + ["--new-passphrase-file", path], [vault_state(), done, vault_state()], stdin="sesame\n",
                name="owner.sock")
        assert p.returncode == 0 and "new passphrase" in p.stdout, p
        assert p.requests[1] == frame(8, {1: b"sesame", 2: b"four words are better"})[4:], p
    p = run(argv + ["--no-passphrase"], [vault_state(), done, vault_state(False)], stdin="sesame\n", name="owner.sock")
    assert p.returncode == 0 and p.requests[1] == frame(8, {1: b"sesame", 3: True})[4:] and "plain file" in p.stdout, p
    p = run(argv + ["--new-passphrase-file", "-"], [], name="owner.sock")
    assert p.returncode == 2 and "stdin" in p.stderr, p
    p = run(argv, [vault_state()], stdin="sesame\n", name="owner.sock")
    assert p.returncode == 2 and "--new-passphrase-file" in p.stderr and len(p.requests) == 1, p
    p = run(["vault", "passphrase", "--no-passphrase"], [vault_state()], name="owner.sock")
    assert p.returncode == LOCKED and "--passphrase-file" in p.stderr, p


def proposals_under_the_table():
    member = {1: "Miller", 2: ID, 3: True, 4: False, 6: NOW, 7: 1, 8: True}
    open_one = {1: ID, 2: 3, 3: "Number 9", 4: "Miller", 5: NOW, 6: "moved\naway " + "x" * 90, 7: 1, 8: 2, 9: False, 10: False}
    held = {1: ID[::-1], 2: 5, 3: "Braun", 4: "Miller", 5: NOW, 7: 1, 8: 1, 9: True, 10: True}
    rows = frame(PROPOSAL_ROW, open_one) + frame(PROPOSAL_ROW, held) + done
    p = run(["member", "list"], [frame(MEMBER_ROW, member) + done, rows])
    assert p.returncode == 0 and "Under vote:\n1a1b1c1d  remove Number 9: moved" in p.stdout, p
    assert "porchlight member endorse 1a1b1c1d" in p.stdout and "Braun" not in p.stdout, p
    assert max(map(len, p.stdout.splitlines())) <= 80, p
    p = run(["member", "list"], [frame(MEMBER_ROW, member) + done, frame(PROPOSAL_ROW, held) + done])
    assert p.returncode == 0 and "Under vote" not in p.stdout, p
    p = run(["member", "list"], [frame(MEMBER_ROW, {**member, 4: False, 9: 4000}) + done, done])
    assert "signed 4000 operations that contradict each other" in " ".join(p.stdout.split()), p
    assert "porchlight member remove " + member[2].hex()[:8] in " ".join(p.stdout.split()), p
    assert max(map(len, p.stdout.splitlines())) <= 80, p
    p = run(["member", "list"], [frame(MEMBER_ROW, {**member, 4: True, 9: 16}) + done, done])
    assert "contradict" in p.stdout and "member remove" not in p.stdout, p
    p = run(["member", "list", "--json"], [frame(MEMBER_ROW, member) + done])
    assert p.returncode == 0 and json.loads(p.stdout)["name"] == "Miller" and len(p.requests) == 1, p
    p = run(["member", "proposals"], [rows])
    assert p.returncode == 0 and "promote Braun" in p.stdout and "1 of 1 vote; in force" in p.stdout, p
    p = run(["member", "proposals"], [frame(PROPOSAL_ROW, {**open_one, 7: 0, 8: 1, 11: 0, 12: 1, 13: 1, 14: 3}) + done])
    assert "0 of 1 steward, or 1 of 3 homes" in " ".join(p.stdout.split()), p
    p = run(["member", "proposals", "--json"], [rows])
    assert [json.loads(line)["in_force"] for line in p.stdout.splitlines()] == [False, True], p
    assert [json.loads(line)["v"] for line in p.stdout.splitlines()] == [1, 1], p
    p = run(["member", "proposals"], [done])
    assert p.returncode == 0 and "Nothing is under vote" in p.stdout, p


def long_addresses_are_told_whole():
    address = "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:7345"
    p = run(["peers"], [frame(PEER_ROW, {1: "Miller", 2: "hub", 3: address, 4: True, 5: True, 6: NOW, 7: 1, 8: 1}) + done])
    assert p.returncode == 0 and f"\n      {address}\n" in p.stdout, p
    assert max(map(len, p.stdout.splitlines())) <= 80, p


def visits_are_told_from_links():
    row = {1: "Miller", 2: "hub", 3: "192.0.2.7:7345", 4: True, 5: True, 6: NOW, 7: 1, 8: 1}
    p = run(["peers"], [frame(PEER_ROW, row) + frame(PEER_ROW, row | {15: True}) + done])
    assert p.returncode == 0 and p.stdout.count("      a visit: ") == 1, p
    p = run(["peers", "--json"], [frame(PEER_ROW, row) + frame(PEER_ROW, row | {15: True}) + done])
    assert [json.loads(line).get("visit") for line in p.stdout.splitlines()] == [None, True], p


def peers_have_a_usual_port():
    for word, address in (("192.0.2.7", {1: bytes([192, 0, 2, 7]), 4: 7345}), ("hub.example", {3: "hub.example", 4: 7345}),
                          ("[2001:db8::7]", {2: bytes.fromhex("20010db8" + "0" * 23 + "7"), 4: 7345}),
                          ("192.0.2.7:80", {1: bytes([192, 0, 2, 7]), 4: 80})):
        p = run(["peer", "add", word], [done])
        assert p.returncode == 0 and p.requests == [frame(11, {1: [address]})[4:]], (word, p, p.requests)
    p = run(["peer", "add", "2001:db8::7"], [])
    assert p.returncode == 2 and "[2001:db8::7]" in p.stderr and "7345" in p.stderr, p


def help_for_programs():
    p = subprocess.run([PROGRAM, "invite", "--help"], capture_output=True, text=True)
    assert "\nAlso:\n  invite list " in p.stdout and "  invite undo " in p.stdout, p
    every = subprocess.run([PROGRAM, "help", "--json"], capture_output=True, text=True).stdout.splitlines()
    for argv, want in ((["post", "--help", "--json"], "porchlight post"), (["alert", "--json", "--help"], "porchlight alert "),
                       (["help", "alert", "--json"], "porchlight alert "), (["--json"], ""), (["--help", "--json"], "")):
        p = subprocess.run([PROGRAM] + argv, capture_output=True, text=True)
        rows = p.stdout.splitlines()
        assert rows == [row for row in every if json.loads(row)["command"].startswith(want)] and p.returncode == 0, (argv, p)
    p = subprocess.run([PROGRAM, "help", "--json"], capture_output=True, text=True)
    rows = {row["command"]: row for row in map(json.loads, p.stdout.splitlines())}
    assert p.returncode == 0 and "porchlight member remove" in rows and "porchlight invite" in rows, p
    assert {"name": "--yes", "help": "do not ask"} in rows["porchlight mesh leave"]["options"], rows["porchlight mesh leave"]
    p = subprocess.run([PROGRAM, "help", "post", "--json"], capture_output=True, text=True)
    options = {option["name"]: option for option in json.loads(p.stdout)["options"]}
    assert options["--severity"]["words"][0] == "Extreme" and "words" not in options["--at"], p
    p = subprocess.run([PROGRAM, "completion", "tcsh"], capture_output=True, text=True)
    assert p.returncode == 2 and "bash, zsh, fish" in p.stderr and p.stdout == "", p


def code(state, **more):
    fields = {1: 1, 2: ID, 3: 2, 4: NOW - 60, 5: NOW + 3600, 6: state}
    fields.update({int(k[1:]): v for k, v in more.items()})
    return frame(CODE_ROW, fields)


def device(name, ident):
    return frame(DEVICE_ROW, {1: name, 2: ident, 3: 2, 4: False})


def codes_are_listed():
    rows = code(1) + code(2, _7="laptop\x1b", _8=ID) + code(2, _7="x" * 32, _8=ID, _9=True) + code(3) + code(4)
    p = run(["device", "codes"], [rows + done])
    lines = p.stdout.splitlines()
    assert p.returncode == 0 and p.stderr == "" and len(lines) == 7 and max(map(len, lines)) <= 80, p
    assert "\x1b" not in p.stdout, p
    assert lines[0].split() == ["ID", "STATE", "QUOTA", "MADE", "UNTIL", "DEVICE"], p
    states = [line[10:22].strip() for line in lines[1:]]
    assert states == ["open", "used", "used", "after it was", "taken back", "expired"], states
    assert all(line.startswith("1a1b1c1d  ") for line in lines[1:] if "after it" not in line), p
    p = run(["device", "codes"], [done])
    assert (p.returncode, p.stdout) == (0, "No device codes were made on this device.\n"), p
    p = run(["device", "codes", "--json"], [rows + done])
    found = [json.loads(line) for line in p.stdout.splitlines()]
    assert [row["state"] for row in found] == ["open", "used", "used", "taken-back", "expired"], p
    assert found[0]["share"] == "quarter" and "device" not in found[0] and found[2]["uninvited"] is True, p


def devices_say_of_open_codes():
    p = run(["device", "list"], [device("hub", bytes(32)) + done, code(1) + done])
    assert p.returncode == 0 and "hub" in p.stdout and "porchlight device codes" in p.stderr, p
    p = run(["device", "list"], [device("hub", bytes(32)) + done, code(2, _7="laptop", _8=ID) + code(3) + done])
    assert p.returncode == 0 and p.stderr == "", p
    stranger = frame(DEVICE_ROW, {1: "thief", 2: ID, 3: 2, 4: False, 10: True})
    p = run(["device", "list"], [stranger + done, done])
    assert "UNINVITED" in p.stdout and "device revoke NAME" in p.stderr, p
    p = run(["device", "list", "--json"], [stranger + done])
    assert json.loads(p.stdout)["uninvited"] is True and len(p.requests) == 1, p
    p = run(["status"], [status(_22="thief")])
    assert "UNINVITED  the device thief came in on a device code" in p.stdout, p
    p = run(["status"], [status(_23=NOW - 86401)])
    assert "code       nobody has used the device code of " in p.stdout, p
    assert "device code" not in run(["status"], [status(_23=NOW - 3600)]).stdout


def a_code_is_taken_back():
    p = run(["device", "revoke", "1A1b"], [code(1) + done, device("hub", bytes(32)) + done, done])
    assert p.returncode == 0 and p.stdout.startswith("Taken back. ") and p.stderr == "", p
    assert p.requests[2] == frame(CODE_REVOKE, {1: "1A1b"})[4:], p.requests
    p = run(["device", "revoke", "1a1b", "--json"], [code(1) + done, done, done])
    assert json.loads(p.stdout) == {"v": 1, "revoked": True}, p
    p = run(["device", "revoke", "1a1b", "--json"], [code(1) + done, device("hub", ID) + done])
    assert p.returncode == 4 and json.loads(p.stderr)["error"]["name"] == "ambiguous" and len(p.requests) == 2, p
    for name, rows in (("1a1b", [code(1) + done, device("1a1b", bytes(32)) + done]),  # a device's whole name
                       ("1a1c", [code(1) + done]), ("1a1", []), ("laptop", [])):
        p = run(["device", "revoke", name], rows)
        assert p.returncode == 2 and "--yes" in p.stderr and len(p.requests) == len(rows), (name, p)


TESTS = [spaces_around_a_text_go, dry_run_has_no_id, far_away_fits_its_column, home_is_a_geohash, closed_streams_are_not_the_daemon, text_without_end,
         codes_are_listed, devices_say_of_open_codes, a_code_is_taken_back, nobody_home, usage_goes_to_stderr, post_says_what_became_of_it, dry_run_shows_the_alert, text_too_long,
         nearby_says_how_current_it_is, nearby_says_what_is_left_out, max_age_fails_when_stale,
         text_of_neighbours_is_escaped, errors_are_the_daemons, mad_daemons, retract_needs_yes, passphrase_needs_a_source, charter_files, watch_streams_until_told,
         watch_has_begun_when_it_says_something,
         watch_ends_with_its_limit, watch_ends_with_its_reader, watch_runs_a_program, votes_want_a_yes, votes_say_what_became_of_them,
         votes_take_a_passphrase_only_if_asked, mad_vaults, vault_opens_and_closes, vault_takes_another_passphrase,
         proposals_under_the_table, visits_are_told_from_links, peers_have_a_usual_port, long_addresses_are_told_whole, help_for_programs]

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
