# SPDX-License-Identifier: Apache-2.0
# Completes command lines of porchlight in fish. Written by `porchlight completion fish`.

# Asks the daemon. Without one there is nothing to offer, and nothing is said.
function __porchlight_ask
    set -l data
    set -l tokens (commandline -opc)
    if set -l at (contains -i -- --data $tokens)
        set -l next (math $at + 1)
        set -q tokens[$next]; and set data --data $tokens[$next]
    end
    command porchlight $data $argv --json 2>/dev/null </dev/null
end

# A field of each line of JSON.
function __porchlight_field
    sed -nE 's/^.*"'$argv[1]'":"(([^"\\\\]|\\\\.)*)".*$/\\1/p' | sed -E 's/\\\\(["\\\\])/\\1/g'
end

function __porchlight_ids
    __porchlight_field id | string sub -l 8
end

function __porchlight_places
    begin; echo home; __porchlight_ask place list | __porchlight_field name; end | sort -u
end

# Alerts with what they are, behind a tab.
function __porchlight_alerts
    __porchlight_ask nearby | string replace -rf '^.*?"id":"(.{8}).*?"kind":"([a-z-]*)".*"state":"([a-z]*)".*$' '$1\t$2, $3'
end

# Succeeds if the words so far, without options, are just these.
function __porchlight_at
    set -l words (__porchlight_words)
    test "$words" = "$argv"
end

# Succeeds if the words so far, without options, begin with these.
function __porchlight_in
    set -l words (__porchlight_words)
    set -l n (count $argv)
    test (count $words) -ge $n; and test "$words[1..$n]" = "$argv"
end

# The words so far, without options and their values.
function __porchlight_words
    set -l tokens (commandline -opc)
    set -l value no
    for token in $tokens[2..-1]
        if test $value = yes
            set value no
            continue
        end
        switch $token
            case --at --within --since --kind --min-severity --text --limit --max-age --after --exec --precision --severity --urgency --certainty --doing --status --expires --source --for --household --charter --passphrase-file --count --reason --new-passphrase-file --data
                set value yes
            case '-*'
            case '*'
                printf '%s\n' $token
        end
    end
end

complete -c porchlight -f
complete -c porchlight -l data -x -a '(__fish_complete_directories)' -d 'the daemon\'s folder'
complete -c porchlight -l json -d 'answer in JSON: one object, or one a line'
complete -c porchlight -l help -d 'explain the command'
complete -c porchlight -l version -d 'print the version'
complete -c porchlight -n '__porchlight_at' -a nearby -d 'what goes on around here'
complete -c porchlight -n '__porchlight_at' -a watch -d 'tell what happens as it happens'
complete -c porchlight -n '__porchlight_at' -a post -d 'warn the neighbours'
complete -c porchlight -n '__porchlight_at' -a alert -d 'what follows an alert'
complete -c porchlight -n '__porchlight_at' -a mute -d 'what nearby and watch leave out'
complete -c porchlight -n '__porchlight_at' -a place -d 'names for places'
complete -c porchlight -n '__porchlight_at' -a mesh -d 'the mesh of this neighbourhood'
complete -c porchlight -n '__porchlight_at' -a invite -d 'tickets for neighbours'
complete -c porchlight -n '__porchlight_at' -a join -d 'join a mesh with a neighbour\'s ticket'
complete -c porchlight -n '__porchlight_at' -a member -d 'the homes of the mesh'
complete -c porchlight -n '__porchlight_at' -a device -d 'the devices of this household'
complete -c porchlight -n '__porchlight_at' -a vault -d 'the household\'s key'
complete -c porchlight -n '__porchlight_at' -a status -d 'how this home is doing'
complete -c porchlight -n '__porchlight_at' -a peers -d 'the links to neighbours'
complete -c porchlight -n '__porchlight_at' -a peer -d 'where neighbours can be reached'
complete -c porchlight -n '__porchlight_at' -a doctor -d 'what is wrong with this home, and what to do'
complete -c porchlight -n '__porchlight_at' -a config -d 'what the daemon is told'
complete -c porchlight -n '__porchlight_at' -a completion -d 'print a script that completes command lines'
complete -c porchlight -n '__porchlight_at' -a help -d 'explain a command'
complete -c porchlight -n '__porchlight_at' -a version -d 'print the version of this tool; `status` has the daemon\'s'
complete -c porchlight -n '__porchlight_at alert' -a show -d 'show an alert and what followed it'
complete -c porchlight -n '__porchlight_at alert' -a confirm -d 'say that you have seen it too'
complete -c porchlight -n '__porchlight_at alert' -a dispute -d 'say that you doubt it, and why'
complete -c porchlight -n '__porchlight_at alert' -a comment -d 'add something under it'
complete -c porchlight -n '__porchlight_at alert' -a update -d 'change an alert of this household'
complete -c porchlight -n '__porchlight_at alert' -a resolve -d 'say that an alert of this household is over'
complete -c porchlight -n '__porchlight_at alert' -a retract -d 'take an alert of this household back'
complete -c porchlight -n '__porchlight_at mute' -a add -d 'leave a household or a kind out of nearby and watch'
complete -c porchlight -n '__porchlight_at mute' -a list -d 'what nearby and watch leave out'
complete -c porchlight -n '__porchlight_at mute' -a remove -d 'show a household or a kind again'
complete -c porchlight -n '__porchlight_at place' -a add -d 'give a place a name, or say where home is'
complete -c porchlight -n '__porchlight_at place' -a list -d 'the places this home has names for'
complete -c porchlight -n '__porchlight_at place' -a remove -d 'forget a place\'s name'
complete -c porchlight -n '__porchlight_at mesh' -a create -d 'found a mesh for a neighbourhood'
complete -c porchlight -n '__porchlight_at mesh' -a show -d 'the mesh and its charter'
complete -c porchlight -n '__porchlight_at mesh' -a leave -d 'leave the mesh with this household'
complete -c porchlight -n '__porchlight_at invite' -a list -d 'the tickets of this household'
complete -c porchlight -n '__porchlight_at invite' -a show -d 'read a ticket without using it'
complete -c porchlight -n '__porchlight_at invite' -a revoke -d 'take a ticket back'
complete -c porchlight -n '__porchlight_at member' -a list -d 'the homes of the mesh'
complete -c porchlight -n '__porchlight_at member' -a proposals -d 'what is under vote, and what was decided'
complete -c porchlight -n '__porchlight_at member' -a remove -d 'vote to remove a home'
complete -c porchlight -n '__porchlight_at member' -a endorse -d 'add your vote to a proposal'
complete -c porchlight -n '__porchlight_at member' -a promote -d 'vote to make a home a steward'
complete -c porchlight -n '__porchlight_at member' -a demote -d 'vote to make a steward an ordinary home'
complete -c porchlight -n '__porchlight_at member' -a return -d 'vote to let a removed home return'
complete -c porchlight -n '__porchlight_at member' -a vouch -d 'say that you know a home another one invited'
complete -c porchlight -n '__porchlight_at device' -a list -d 'the devices of this household'
complete -c porchlight -n '__porchlight_at vault' -a show -d 'whether the household\'s key is here, and open'
complete -c porchlight -n '__porchlight_at vault' -a unlock -d 'keep the household\'s key open for a while'
complete -c porchlight -n '__porchlight_at vault' -a lock -d 'lock the household\'s key'
complete -c porchlight -n '__porchlight_at vault' -a passphrase -d 'change the passphrase of the household\'s key'
complete -c porchlight -n '__porchlight_at peer' -a add -d 'say where a neighbour\'s daemon can be reached'
complete -c porchlight -n '__porchlight_at config' -a get -d 'what the daemon is told about one thing'
complete -c porchlight -n '__porchlight_at config' -a set -d 'tell the daemon something, for good'
complete -c porchlight -n '__porchlight_at config' -a unset -d 'forget what was set, back to the default'
complete -c porchlight -n '__porchlight_at config' -a list -d 'all that the daemon is told'
complete -c porchlight -n '__porchlight_at help' -a nearby -d 'what goes on around here'
complete -c porchlight -n '__porchlight_at help' -a watch -d 'tell what happens as it happens'
complete -c porchlight -n '__porchlight_at help' -a post -d 'warn the neighbours'
complete -c porchlight -n '__porchlight_at help' -a alert -d 'what follows an alert'
complete -c porchlight -n '__porchlight_at help' -a mute -d 'what nearby and watch leave out'
complete -c porchlight -n '__porchlight_at help' -a place -d 'names for places'
complete -c porchlight -n '__porchlight_at help' -a mesh -d 'the mesh of this neighbourhood'
complete -c porchlight -n '__porchlight_at help' -a invite -d 'tickets for neighbours'
complete -c porchlight -n '__porchlight_at help' -a join -d 'join a mesh with a neighbour\'s ticket'
complete -c porchlight -n '__porchlight_at help' -a member -d 'the homes of the mesh'
complete -c porchlight -n '__porchlight_at help' -a device -d 'the devices of this household'
complete -c porchlight -n '__porchlight_at help' -a vault -d 'the household\'s key'
complete -c porchlight -n '__porchlight_at help' -a status -d 'how this home is doing'
complete -c porchlight -n '__porchlight_at help' -a peers -d 'the links to neighbours'
complete -c porchlight -n '__porchlight_at help' -a peer -d 'where neighbours can be reached'
complete -c porchlight -n '__porchlight_at help' -a doctor -d 'what is wrong with this home, and what to do'
complete -c porchlight -n '__porchlight_at help' -a config -d 'what the daemon is told'
complete -c porchlight -n '__porchlight_at help' -a completion -d 'print a script that completes command lines'
complete -c porchlight -n '__porchlight_at help' -a help -d 'explain a command'
complete -c porchlight -n '__porchlight_at help' -a version -d 'print the version of this tool; `status` has the daemon\'s'
complete -c porchlight -n '__porchlight_at help alert' -a show -d 'show an alert and what followed it'
complete -c porchlight -n '__porchlight_at help alert' -a confirm -d 'say that you have seen it too'
complete -c porchlight -n '__porchlight_at help alert' -a dispute -d 'say that you doubt it, and why'
complete -c porchlight -n '__porchlight_at help alert' -a comment -d 'add something under it'
complete -c porchlight -n '__porchlight_at help alert' -a update -d 'change an alert of this household'
complete -c porchlight -n '__porchlight_at help alert' -a resolve -d 'say that an alert of this household is over'
complete -c porchlight -n '__porchlight_at help alert' -a retract -d 'take an alert of this household back'
complete -c porchlight -n '__porchlight_at help mute' -a add -d 'leave a household or a kind out of nearby and watch'
complete -c porchlight -n '__porchlight_at help mute' -a list -d 'what nearby and watch leave out'
complete -c porchlight -n '__porchlight_at help mute' -a remove -d 'show a household or a kind again'
complete -c porchlight -n '__porchlight_at help place' -a add -d 'give a place a name, or say where home is'
complete -c porchlight -n '__porchlight_at help place' -a list -d 'the places this home has names for'
complete -c porchlight -n '__porchlight_at help place' -a remove -d 'forget a place\'s name'
complete -c porchlight -n '__porchlight_at help mesh' -a create -d 'found a mesh for a neighbourhood'
complete -c porchlight -n '__porchlight_at help mesh' -a show -d 'the mesh and its charter'
complete -c porchlight -n '__porchlight_at help mesh' -a leave -d 'leave the mesh with this household'
complete -c porchlight -n '__porchlight_at help invite' -a list -d 'the tickets of this household'
complete -c porchlight -n '__porchlight_at help invite' -a show -d 'read a ticket without using it'
complete -c porchlight -n '__porchlight_at help invite' -a revoke -d 'take a ticket back'
complete -c porchlight -n '__porchlight_at help member' -a list -d 'the homes of the mesh'
complete -c porchlight -n '__porchlight_at help member' -a proposals -d 'what is under vote, and what was decided'
complete -c porchlight -n '__porchlight_at help member' -a remove -d 'vote to remove a home'
complete -c porchlight -n '__porchlight_at help member' -a endorse -d 'add your vote to a proposal'
complete -c porchlight -n '__porchlight_at help member' -a promote -d 'vote to make a home a steward'
complete -c porchlight -n '__porchlight_at help member' -a demote -d 'vote to make a steward an ordinary home'
complete -c porchlight -n '__porchlight_at help member' -a return -d 'vote to let a removed home return'
complete -c porchlight -n '__porchlight_at help member' -a vouch -d 'say that you know a home another one invited'
complete -c porchlight -n '__porchlight_at help device' -a list -d 'the devices of this household'
complete -c porchlight -n '__porchlight_at help vault' -a show -d 'whether the household\'s key is here, and open'
complete -c porchlight -n '__porchlight_at help vault' -a unlock -d 'keep the household\'s key open for a while'
complete -c porchlight -n '__porchlight_at help vault' -a lock -d 'lock the household\'s key'
complete -c porchlight -n '__porchlight_at help vault' -a passphrase -d 'change the passphrase of the household\'s key'
complete -c porchlight -n '__porchlight_at help peer' -a add -d 'say where a neighbour\'s daemon can be reached'
complete -c porchlight -n '__porchlight_at help config' -a get -d 'what the daemon is told about one thing'
complete -c porchlight -n '__porchlight_at help config' -a set -d 'tell the daemon something, for good'
complete -c porchlight -n '__porchlight_at help config' -a unset -d 'forget what was set, back to the default'
complete -c porchlight -n '__porchlight_at help config' -a list -d 'all that the daemon is told'
complete -c porchlight -n '__porchlight_in nearby' -l at -x -a '(__porchlight_places)' -d 'centre of the search'
complete -c porchlight -n '__porchlight_in nearby' -l within -x -d 'only so far from there'
complete -c porchlight -n '__porchlight_in nearby' -l since -x -d 'only what changed since then: -2h, 14:05, yesterday'
complete -c porchlight -n '__porchlight_in nearby' -l kind -x -a 'fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other' -d 'only this kind; may be given several times'
complete -c porchlight -n '__porchlight_in nearby' -l min-severity -x -a 'extreme severe moderate minor unknown' -d 'only what is at least as severe'
complete -c porchlight -n '__porchlight_in nearby' -l text -x -d 'only where the text contains this, in any case'
complete -c porchlight -n '__porchlight_in nearby' -l limit -x -d 'at most so many'
complete -c porchlight -n '__porchlight_in nearby' -l muted -d 'also what is muted'
complete -c porchlight -n '__porchlight_in nearby' -l max-age -x -d 'fail as `stale` if the replica is older than this'
complete -c porchlight -n '__porchlight_in watch' -l at -x -a '(__porchlight_places)' -d 'centre of the search'
complete -c porchlight -n '__porchlight_in watch' -l within -x -d 'only so far from there'
complete -c porchlight -n '__porchlight_in watch' -l since -x -d 'only what changed since then: -2h, 14:05, yesterday'
complete -c porchlight -n '__porchlight_in watch' -l kind -x -a 'fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other' -d 'only this kind; may be given several times'
complete -c porchlight -n '__porchlight_in watch' -l min-severity -x -a 'extreme severe moderate minor unknown' -d 'only what is at least as severe'
complete -c porchlight -n '__porchlight_in watch' -l text -x -d 'only where the text contains this, in any case'
complete -c porchlight -n '__porchlight_in watch' -l limit -x -d 'at most so many'
complete -c porchlight -n '__porchlight_in watch' -l muted -d 'also what is muted'
complete -c porchlight -n '__porchlight_in watch' -l after -x -d 'first everything after this sequence number'
complete -c porchlight -n '__porchlight_in watch' -l exec -x -a '(__fish_complete_command)' -d 'run this for each event, its JSON on stdin; everything behind --exec belongs to it'
complete -c porchlight -n '__porchlight_in post' -l at -x -a '(__porchlight_places)' -d 'where: LAT,LON, geo: URI, geohash or home (the default)'
complete -c porchlight -n '__porchlight_in post' -l precision -x -a 'area block' -d 'how exact the place is told; block is about 150 m'
complete -c porchlight -n '__porchlight_in post' -l severity -x -a 'extreme severe moderate minor unknown' -d 'how bad; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in post' -l urgency -x -a 'immediate expected future past unknown' -d 'how soon to act; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in post' -l certainty -x -a 'observed likely possible unlikely unknown' -d 'how sure; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in post' -l doing -x -a 'trying-doors trying-cars taking-parcels breaking-in damaging following driving-dangerously posing setting-fire other' -d 'what somebody does; behaviour, never looks'
complete -c porchlight -n '__porchlight_in post' -l status -x -a 'actual exercise test' -d 'mark it as a drill or a technical test'
complete -c porchlight -n '__porchlight_in post' -l expires -x -d 'when it ends, from now: 30m, 6h, 2d; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in post' -l source -x -a 'person sensor' -d 'a machine posts it: it has a third of the daily number'
complete -c porchlight -n '__porchlight_in post' -l dry-run -d 'only show the alert as it would be posted'
complete -c porchlight -n '__porchlight_at post' -a fire -d 'something burns'
complete -c porchlight -n '__porchlight_at post' -a smoke -d 'smoke, source not seen'
complete -c porchlight -n '__porchlight_at post' -a gas-smell -d 'smell of gas'
complete -c porchlight -n '__porchlight_at post' -a break-in -d 'a break-in going on'
complete -c porchlight -n '__porchlight_at post' -a medical -d 'somebody needs help at once'
complete -c porchlight -n '__porchlight_at post' -a flood -d 'water where it should not be'
complete -c porchlight -n '__porchlight_at post' -a storm -d 'storm, hail, falling trees'
complete -c porchlight -n '__porchlight_at post' -a hazard -d 'a danger: loose cable, open manhole'
complete -c porchlight -n '__porchlight_at post' -a crash -d 'a road accident'
complete -c porchlight -n '__porchlight_at post' -a road-blocked -d 'a road or path is blocked'
complete -c porchlight -n '__porchlight_at post' -a power-cut -d 'no electricity'
complete -c porchlight -n '__porchlight_at post' -a water-cut -d 'no or bad water'
complete -c porchlight -n '__porchlight_at post' -a missing-person -d 'somebody is missed'
complete -c porchlight -n '__porchlight_at post' -a missing-pet -d 'a pet is missed or was found'
complete -c porchlight -n '__porchlight_at post' -a theft -d 'something was stolen'
complete -c porchlight -n '__porchlight_at post' -a vandalism -d 'something was damaged'
complete -c porchlight -n '__porchlight_at post' -a scam -d 'somebody poses or cheats at the door or by telephone'
complete -c porchlight -n '__porchlight_at post' -a unusual-activity -d 'something unusual goes on; say what happens'
complete -c porchlight -n '__porchlight_at post' -a noise -d 'a loud noise'
complete -c porchlight -n '__porchlight_at post' -a animal -d 'an animal on the loose'
complete -c porchlight -n '__porchlight_at post' -a community-event -d 'something to come to'
complete -c porchlight -n '__porchlight_at post' -a other -d 'anything else'
complete -c porchlight -n '__porchlight_at alert show' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_at alert confirm' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_at alert dispute' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_at alert comment' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_in alert update' -l severity -x -a 'extreme severe moderate minor unknown' -d 'how bad; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in alert update' -l urgency -x -a 'immediate expected future past unknown' -d 'how soon to act; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in alert update' -l certainty -x -a 'observed likely possible unlikely unknown' -d 'how sure; the kind\'s own if absent'
complete -c porchlight -n '__porchlight_in alert update' -l expires -x -d 'its new end, from now: 30m, 6h'
complete -c porchlight -n '__porchlight_at alert update' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_at alert resolve' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_in alert retract' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at alert retract' -a '(__porchlight_alerts)'
complete -c porchlight -n '__porchlight_in mute add' -l kind -x -a 'fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other' -d 'a kind, in place of a household'
complete -c porchlight -n '__porchlight_in mute add' -l for -x -d 'only so long; until it is removed if absent'
complete -c porchlight -n '__porchlight_at mute add' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_in mute remove' -l kind -x -a 'fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other' -d 'a kind, in place of a household'
complete -c porchlight -n '__porchlight_at mute remove' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_at place add' -a '(__porchlight_places)'
complete -c porchlight -n '__porchlight_at place remove' -a '(__porchlight_places)'
complete -c porchlight -n '__porchlight_in mesh create' -l household -x -d 'what this home is called; at most 32 bytes'
complete -c porchlight -n '__porchlight_in mesh create' -l at -x -a '(__porchlight_places)' -d 'this home: LAT,LON, geo: URI or geohash; kept as a cell of about 150 m'
complete -c porchlight -n '__porchlight_in mesh create' -l charter -r -F -d 'rules of the mesh that differ from the usual ones'
complete -c porchlight -n '__porchlight_in mesh create' -l passphrase-file -r -F -d 'its first line locks the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in mesh create' -l no-passphrase -d 'keep the household\'s key in a plain file instead'
complete -c porchlight -n '__porchlight_in mesh leave' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in mesh leave' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_in invite; and not __porchlight_in invite list; and not __porchlight_in invite show; and not __porchlight_in invite revoke' -l for -x -d 'for whom; a note that stays at home'
complete -c porchlight -n '__porchlight_in invite; and not __porchlight_in invite list; and not __porchlight_in invite show; and not __porchlight_in invite revoke' -l count -x -d 'how many homes may use it; 1 if absent'
complete -c porchlight -n '__porchlight_in invite; and not __porchlight_in invite list; and not __porchlight_in invite show; and not __porchlight_in invite revoke' -l expires -x -d 'how long it is valid, 30d at most; 7d if absent'
complete -c porchlight -n '__porchlight_in invite; and not __porchlight_in invite list; and not __porchlight_in invite show; and not __porchlight_in invite revoke' -l qr -d 'draw it as a QR code as well'
complete -c porchlight -n '__porchlight_at invite revoke' -a '(__porchlight_ask invite list | __porchlight_ids)'
complete -c porchlight -n '__porchlight_in join' -l household -x -d 'what this home is called; at most 32 bytes'
complete -c porchlight -n '__porchlight_in join' -l at -x -a '(__porchlight_places)' -d 'this home; the mesh\'s own place if absent'
complete -c porchlight -n '__porchlight_in join' -l passphrase-file -r -F -d 'its first line locks the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in join' -l no-passphrase -d 'keep the household\'s key in a plain file instead'
complete -c porchlight -n '__porchlight_in join' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_in member remove' -l reason -x -d 'why, at most 128 bytes; every home can read it'
complete -c porchlight -n '__porchlight_in member remove' -l with-invited -d 'with all homes it brought, and those they brought'
complete -c porchlight -n '__porchlight_in member remove' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member remove' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at member remove' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_in member endorse' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member endorse' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at member endorse' -a '(__porchlight_ask member proposals | __porchlight_ids)'
complete -c porchlight -n '__porchlight_in member promote' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member promote' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at member promote' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_in member demote' -l reason -x -d 'why, at most 128 bytes; every home can read it'
complete -c porchlight -n '__porchlight_in member demote' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member demote' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at member demote' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_in member return' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member return' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_in member vouch' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in member vouch' -l yes -d 'do not ask'
complete -c porchlight -n '__porchlight_at member vouch' -a '(__porchlight_ask member list | __porchlight_field name)'
complete -c porchlight -n '__porchlight_in vault unlock' -l for -x -d 'how long, 24 h at most; 15 minutes if absent'
complete -c porchlight -n '__porchlight_in vault unlock' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in vault passphrase' -l passphrase-file -r -F -d 'its first line opens the household\'s key; - reads stdin'
complete -c porchlight -n '__porchlight_in vault passphrase' -l new-passphrase-file -r -F -d 'its first line is the new one; - reads stdin'
complete -c porchlight -n '__porchlight_in vault passphrase' -l no-passphrase -d 'keep the household\'s key in a plain file from now on'
complete -c porchlight -n '__porchlight_at config get' -a 'data listen advertise lan control.group vault.owner vault.service'
complete -c porchlight -n '__porchlight_at config set' -a 'data listen advertise lan control.group vault.owner vault.service'
complete -c porchlight -n '__porchlight_at config unset' -a 'data listen advertise lan control.group vault.owner vault.service'
complete -c porchlight -n '__porchlight_in config list' -l show-origin -d 'say who said so: file and line, option, or default'
complete -c porchlight -n '__porchlight_at completion' -a 'bash zsh fish'
