#!/bin/sh
# One nightly run. It reads AUDITOR_SUBSCRIPTIONS (ids, separated by blanks) and keeps in the folder AUDITOR_HOME
#
#   snapshots/TIME.jsonl.gz                  what was there
#   reports/TIME.txt .json .sarif .md        what that means
#
# It heeds, where that folder has them, deployment.yaml, waivers.yaml and attestations.yaml, and says what has moved since
# the snapshot approved.jsonl.gz. Arguments are further options of `auditor scan`, which also gives the exit code; what
# comes in the way of a run is 2. Nothing is ever deleted: docs/nightly.md says how to.
set -eu
umask 077
export LC_ALL=C

die() {
  printf 'auditor-nightly: error: %s\n' "$1" >&2
  exit 2
}

[ -n "${AUDITOR_HOME:-}" ] || die 'AUDITOR_HOME is not set: it names the folder that keeps snapshots and reports'
[ -n "${AUDITOR_SUBSCRIPTIONS:-}" ] || die 'AUDITOR_SUBSCRIPTIONS is not set: it has the ids of what to read'
command -v auditor >/dev/null || die 'there is no auditor on the PATH'
cd -- "$AUDITOR_HOME" || die "AUDITOR_HOME is no folder: $AUDITOR_HOME"
mkdir -p snapshots reports || die "$AUDITOR_HOME cannot be written to"

# A run ends well within six hours; a lock older than that was left by one that was killed.
find .lock -prune -mmin +360 -exec rmdir {} + 2>/dev/null || :
mkdir .lock 2>/dev/null || die "another run is at work; if none is, remove $AUDITOR_HOME/.lock"
trap 'rmdir .lock' EXIT
trap 'exit 143' HUP INT TERM

# What a killed run was about to write: files get their names when they are whole.
rm -f snapshots/.[!.]* reports/.[!.]*

previous=
for report in reports/*.json; do
  [ ! -e "$report" ] || previous=$report
done
now() { date -u +%Y-%m-%dT%H%M%SZ; }
time=$(now)
while [ -e "snapshots/$time.jsonl.gz" ]; do
  sleep 1
  time=$(now)
done

is_there() { # NAME: a link that leads nowhere is there too, and the scan is to complain of it
  [ -e "$1" ] || [ -L "$1" ]
}
[ -z "$previous" ] || set -- "--previous=$previous" "$@"
for file in deployment waivers attestations; do
  if is_there "$file.yaml"; then set -- "--$file=$file.yaml" "$@"; fi
done
if is_there approved.jsonl.gz; then set -- --baseline=approved.jsonl.gz "$@"; fi
set -f
for subscription in $AUDITOR_SUBSCRIPTIONS; do
  set -- "--subscription=$subscription" "$@"
done

auditor scan "$@" -o "snapshot=snapshots/$time.jsonl.gz" -o "json=reports/$time.json" -o "sarif=reports/$time.sarif" \
  -o "markdown=reports/$time.md" -o "terminal=reports/$time.txt" &
scan=$!
# A shell heeds a signal only when the command in the foreground has ended; hence `wait`, which it interrupts.
trap 'kill "$scan" 2>/dev/null || :' HUP INT TERM
code=0
wait "$scan" || code=$?
[ "$code" -le 128 ] || wait "$scan" || :

if [ -e "reports/$time.txt" ]; then
  echo "$time $(tail -n 1 "reports/$time.txt"); exit code $code; see $AUDITOR_HOME/reports/$time.txt"
else
  echo "$time auditor: nothing was judged; exit code $code"
fi
exit "$code"
