# SPDX-License-Identifier: Apache-2.0
# Completes command lines of porchlight in bash. Written by `porchlight completion bash`.

# Asks the daemon. Without one there is nothing to offer, and nothing is said.
__porchlight_ask() {
        command porchlight ${data:+--data} ${data:+"$data"} "$@" --json 2>/dev/null </dev/null
}

# A field of each line of JSON.
__porchlight_field() {
        sed -nE 's/^.*"'"$1"'":"(([^"\\]|\\.)*)".*$/\1/p' | sed -E 's/\\(["\\])/\1/g'
}

# The first digits of the id in each line.
__porchlight_ids() {
        __porchlight_field id | cut -c 1-8
}

# Offers the lines that begin with what was typed, in any case.
__porchlight_offer() {
        local word typed=${cur//[\\\"\']/}
        while IFS= read -r word; do
                [[ -n $word && ${word,,} == "${typed,,}"* ]] || continue
                [[ $cur == [\"\']* ]] || printf -v word %q "$word"
                COMPREPLY+=("$word")
        done
}

__porchlight_words() {
        mapfile -t COMPREPLY < <(compgen -W "$1" -- "${cur,,}")
}

__porchlight_places() {
        __porchlight_offer < <({ echo home; __porchlight_ask place list | __porchlight_field name; } | sort -u)
}

__porchlight_paths() {
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

__porchlight_has_value() {
        case $1 in
        --at | --within | --since | --kind | --min-severity | --text | --limit | --max-age | --after | --exec | --precision | --severity | --urgency | --certainty | --doing | --status | --expires | --source | --clip | --area | --radius | --from | --to | --reason | --alert | --for | --camera | --passphrase-file | --with | --purpose | --output | --asks | --clips | --mesh | --extract | --household | --charter | --count | --as | --new-passphrase-file | --key-passphrase-file | --with-clips | --data) return 0 ;;
        esac
        return 1
}

__porchlight_value() {
        case $1 in
        --at) __porchlight_places ;;
        --kind) __porchlight_words "fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other" ;;
        --min-severity) __porchlight_words "extreme severe moderate minor unknown" ;;
        --exec) __porchlight_paths -c ;;
        --precision) __porchlight_words "area block" ;;
        --severity) __porchlight_words "extreme severe moderate minor unknown" ;;
        --urgency) __porchlight_words "immediate expected future past unknown" ;;
        --certainty) __porchlight_words "observed likely possible unlikely unknown" ;;
        --doing) __porchlight_words "trying-doors trying-cars taking-parcels breaking-in damaging following driving-dangerously posing setting-fire other" ;;
        --status) __porchlight_words "actual exercise test" ;;
        --source) __porchlight_words "person sensor" ;;
        --area) __porchlight_places ;;
        --passphrase-file | --output | --extract | --charter | --new-passphrase-file | --key-passphrase-file | --with-clips) __porchlight_paths -f ;;
        --data) __porchlight_paths -d ;;
        esac
}

__porchlight_names() {
        case ${1-} in
        '') echo "nearby watch post alert ask inbox mute place clip grant camera policy ledger verify mesh invite join member device vault backup restore me status peers peer doctor config completion help version" ;;
        alert) echo "show confirm dispute comment update resolve retract" ;;
        ask) echo "post list match retract" ;;
        mute) echo "add list remove" ;;
        place) echo "add list remove" ;;
        clip) echo "add watch list show keep trim blur notices share request get who-can-read export destroy" ;;
        grant) echo "give deny list requests revoke" ;;
        camera) echo "list policy keep" ;;
        policy) echo "set show end" ;;
        ledger) echo "list verify add" ;;
        mesh) echo "create show leave" ;;
        invite) echo "list show revoke undo" ;;
        member) echo "list proposals remove endorse promote demote return vouch" ;;
        device) echo "list invite codes join revoke" ;;
        vault) echo "show unlock lock passphrase" ;;
        me) echo "export erase" ;;
        peer) echo "add" ;;
        config) echo "get set unset list" ;;
        esac
}

__porchlight_command() {
        case ${words[0]-} in
        nearby | watch | post | inbox | verify | invite | join | backup | restore | status | peers | doctor | completion | help | version) command=${words[0]} n=1 ;;
        esac
        case "${words[0]-} ${words[1]-}" in
        "alert show" | "alert confirm" | "alert dispute" | "alert comment" | "alert update" | "alert resolve" | "alert retract" | "ask post" | "ask list" | "ask match" | "ask retract" | "mute add" | "mute list" | "mute remove" | "place add" | "place list" | "place remove" | "clip add" | "clip watch" | "clip list" | "clip show" | "clip keep" | "clip trim" | "clip blur" | "clip notices" | "clip share" | "clip request" | "clip get" | "clip who-can-read" | "clip export" | "clip destroy" | "grant give" | "grant deny" | "camera list" | "camera policy" | "camera keep" | "grant list" | "grant requests" | "grant revoke" | "policy set" | "policy show" | "policy end" | "ledger list" | "ledger verify" | "ledger add" | "mesh create" | "mesh show" | "mesh leave" | "invite list" | "invite show" | "invite revoke" | "invite undo" | "member list" | "member proposals" | "member remove" | "member endorse" | "member promote" | "member demote" | "member return" | "member vouch" | "device list" | "device invite" | "device codes" | "device join" | "device revoke" | "vault show" | "vault unlock" | "vault lock" | "vault passphrase" | "me export" | "me erase" | "peer add" | "config get" | "config set" | "config unset" | "config list") command="${words[0]} ${words[1]}" n=2 ;;
        esac
}

__porchlight_options() {
        local options=
        case $command in
        "nearby") options="--at --within --since --kind --min-severity --text --limit --muted --max-age" ;;
        "watch") options="--at --within --since --kind --min-severity --text --limit --muted --after --exec" ;;
        "post") options="--at --precision --severity --urgency --certainty --doing --status --expires --source --clip --notice --dry-run" ;;
        "alert update") options="--severity --urgency --certainty --expires" ;;
        "alert retract") options="--yes" ;;
        "ask post") options="--area --radius --from --to --reason --alert --expires" ;;
        "ask list") options="--muted" ;;
        "ask retract") options="--yes" ;;
        "inbox") options="--muted" ;;
        "mute add") options="--kind --for" ;;
        "mute remove") options="--kind" ;;
        "clip add") options="--camera --at --audio --as-is --from --to --delete-source" ;;
        "clip watch") options="--camera --at --audio --as-is" ;;
        "clip keep") options="--off" ;;
        "clip trim") options="--from --to --passphrase-file" ;;
        "clip blur") options="--area --passphrase-file" ;;
        "clip share") options="--with --purpose --expires --passphrase-file --yes" ;;
        "clip request") options="--reason --expires" ;;
        "clip get") options="--output --cancel --passphrase-file" ;;
        "clip export") options="--output --force --passphrase-file --yes" ;;
        "clip destroy") options="--passphrase-file --yes" ;;
        "grant give") options="--clip --purpose --expires --passphrase-file --yes" ;;
        "camera policy") options="--all" ;;
        "camera keep") options="--all" ;;
        "grant list") options="--clip --since --overdue" ;;
        "grant revoke") options="--passphrase-file --yes" ;;
        "policy set") options="--with --asks --within --clips --expires --passphrase-file --yes" ;;
        "ledger list") options="--clip --since" ;;
        "ledger add") options="--clip" ;;
        "verify") options="--mesh --extract --force" ;;
        "mesh create") options="--household --at --charter --passphrase-file --no-passphrase" ;;
        "mesh leave") options="--passphrase-file --yes" ;;
        "invite") options="--for --count --expires --qr" ;;
        "invite undo") options="--passphrase-file --yes" ;;
        "join") options="--household --at --passphrase-file --no-passphrase --yes" ;;
        "member remove") options="--reason --with-invited --passphrase-file --yes" ;;
        "member endorse") options="--passphrase-file --yes" ;;
        "member promote") options="--passphrase-file --yes" ;;
        "member demote") options="--reason --passphrase-file --yes" ;;
        "member return") options="--passphrase-file --yes" ;;
        "member vouch") options="--passphrase-file --yes" ;;
        "device invite") options="--expires --passphrase-file" ;;
        "device join") options="--as --passphrase-file --no-passphrase" ;;
        "device revoke") options="--passphrase-file --yes" ;;
        "vault unlock") options="--for --passphrase-file" ;;
        "vault passphrase") options="--passphrase-file --new-passphrase-file --no-passphrase" ;;
        "backup") options="--passphrase-file --key-passphrase-file --force" ;;
        "restore") options="--passphrase-file" ;;
        "me export") options="--with-clips --force --passphrase-file" ;;
        "me erase") options="--anyway --passphrase-file --yes" ;;
        "config list") options="--show-origin" ;;
        esac
        __porchlight_words "$options --data --json --help --version"
}

__porchlight_first_word() {
        case $command in
        "post") __porchlight_words "fire smoke gas-smell break-in medical flood storm hazard crash road-blocked power-cut water-cut missing-person missing-pet theft vandalism scam unusual-activity noise animal community-event other" ;;
        "alert show") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert confirm") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert dispute") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert comment") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert update") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert resolve") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "alert retract") __porchlight_offer < <(__porchlight_ask nearby | __porchlight_ids) ;;
        "mute add") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "mute remove") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "place add") __porchlight_places ;;
        "place remove") __porchlight_places ;;
        "clip add") __porchlight_paths -f ;;
        "clip watch") __porchlight_paths -f ;;
        "verify") __porchlight_paths -f ;;
        "invite revoke") __porchlight_offer < <(__porchlight_ask invite list | __porchlight_ids) ;;
        "invite undo") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "member remove") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "member endorse") __porchlight_offer < <(__porchlight_ask member proposals | __porchlight_ids) ;;
        "member promote") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "member demote") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "member vouch") __porchlight_offer < <(__porchlight_ask member list | __porchlight_field name) ;;
        "device revoke") __porchlight_offer < <(__porchlight_ask device list | __porchlight_field name; __porchlight_ask device codes | __porchlight_ids) ;;
        "backup") __porchlight_paths -f ;;
        "restore") __porchlight_paths -f ;;
        "me export") __porchlight_paths -f ;;
        "config get") __porchlight_words "data listen advertise lan reach.mapping reach.stun reach.hidden relay.quota control.group clips.quota clips.uplink clips.cache clips.retention clips.kinds clips.when-full clips.watch vault.owner vault.service" ;;
        "config set") __porchlight_words "data listen advertise lan reach.mapping reach.stun reach.hidden relay.quota control.group clips.quota clips.uplink clips.cache clips.retention clips.kinds clips.when-full clips.watch vault.owner vault.service" ;;
        "config unset") __porchlight_words "data listen advertise lan reach.mapping reach.stun reach.hidden relay.quota control.group clips.quota clips.uplink clips.cache clips.retention clips.kinds clips.when-full clips.watch vault.owner vault.service" ;;
        "completion") __porchlight_words "bash zsh fish" ;;
        "help") __porchlight_words "$(__porchlight_names)" ;;
        esac
}

_porchlight() {
        local cur=${COMP_WORDS[COMP_CWORD]} data='' command='' word option i=1 n=0
        local -a words=()
        COMPREPLY=()
        while ((i < COMP_CWORD)); do
                word=${COMP_WORDS[i++]}
                if __porchlight_has_value "$word"; then
                        option=$word
                        [[ ${COMP_WORDS[i]-} != = ]] || ((++i))
                        if ((i >= COMP_CWORD)); then
                                [[ $cur != = ]] || cur=
                                __porchlight_value "$option"
                                return
                        fi
                        word=${COMP_WORDS[i++]}
                        [[ $option != --data ]] || data=${word/#\~/$HOME}
                        if [[ $option == --exec ]]; then
                                __porchlight_paths -f
                                return
                        fi
                elif [[ $word != -* ]]; then
                        words+=("$word")
                fi
        done
        __porchlight_command
        n=$((${#words[@]} - n))
        if [[ $cur == -* ]]; then
                __porchlight_options
        elif ((${#words[@]} == 0)); then
                __porchlight_words "$(__porchlight_names)"
        elif ((${#words[@]} == 1)) && [[ -n $(__porchlight_names "${words[0]}") ]]; then
                __porchlight_words "$(__porchlight_names "${words[0]}")"
        elif [[ $command == help && $n == 1 ]]; then
                __porchlight_words "$(__porchlight_names "${words[1]}")"
        elif ((n == 0)); then
                __porchlight_first_word
        fi
}

complete -F _porchlight porchlight
