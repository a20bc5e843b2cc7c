#!/bin/sh
# One nightly run. It reads the subscriptions AUDITOR_SUBSCRIPTIONS, or those below AUDITOR_MANAGEMENT_GROUPS (ids or
# names, separated by semicolons or, without one, by spaces), and writes into the folder AUDITOR_HOME:
#
#   snapshots/TIME.jsonl.gz                  the snapshot
#   reports/TIME.txt .json .sarif .md        the reports
#
# If they exist in that folder, it uses deployment.yaml, waivers.yaml, attestations.yaml, and approved.jsonl.gz as the
# baseline. Arguments are further options of `auditor scan`, which also sets the exit code; it is 2 if the scan could not
# run. What changed since the last run is printed before the result. The program AUDITOR_NOTIFY, an absolute path, gets
# both on its standard input. Nothing is deleted automatically, see docs/nightly.md.
set -eu
umask 077
export LC_ALL=C

die() {
  printf 'auditor-nightly: error: %s\n' "$1" >&2
  exit 2
}

[ -n "${AUDITOR_HOME:-}" ] || die 'AUDITOR_HOME is not set: the folder of snapshots and reports'
[ -n "${AUDITOR_SUBSCRIPTIONS:-}${AUDITOR_MANAGEMENT_GROUPS:-}" ] \
  || die 'AUDITOR_SUBSCRIPTIONS is not set, nor AUDITOR_MANAGEMENT_GROUPS: the ids or names of what is read'
command -v auditor >/dev/null || die 'auditor is not on the PATH'
cd -- "$AUDITOR_HOME" || die "AUDITOR_HOME is not a folder: $AUDITOR_HOME"
mkdir -p snapshots reports || die "$AUDITOR_HOME is not writable"

# A run takes less than six hours; an older lock was left by a killed run.
find .lock -prune -mmin +360 -exec rmdir {} + 2>/dev/null || :
mkdir .lock 2>/dev/null || die "another run is active; if not, remove $AUDITOR_HOME/.lock"
trap 'rmdir .lock' EXIT
trap 'exit 143' HUP INT TERM

# Partial files of a killed run: a file gets its name when it is complete.
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

exists() { # NAME: true for a broken link too, so that the scan reports it
  [ -e "$1" ] || [ -L "$1" ]
}
[ -z "$previous" ] || set -- "--previous=$previous" "$@"
for file in deployment waivers attestations; do
  if exists "$file.yaml"; then set -- "--$file=$file.yaml" "$@"; fi
done
if exists approved.jsonl.gz; then set -- --baseline=approved.jsonl.gz "$@"; fi
set -f
for option in subscription management-group; do
  case $option in
    subscription) names=${AUDITOR_SUBSCRIPTIONS:-} ;;
    *) names=${AUDITOR_MANAGEMENT_GROUPS:-} ;;
  esac
  case $names in *';'*) IFS=';' ;; esac # so that names may have spaces
  for name in $names; do
    name=$(printf '%s' "$name" | tr '\n\t' '  ' | sed 's/^ *//; s/ *$//')
    [ -z "$name" ] || set -- "--$option=$name" "$@"
  done
  unset IFS
done

auditor scan --no-config "$@" --details -o "snapshot=snapshots/$time.jsonl.gz" -o "json=reports/$time.json" \
  -o "sarif=reports/$time.sarif" -o "markdown=reports/$time.md" -o "terminal=reports/$time.txt" &
scan=$!
# A shell handles a signal only after the foreground command has ended; `wait` can be interrupted.
trap 'kill "$scan" 2>/dev/null || :' HUP INT TERM
code=0
wait "$scan" || code=$?
[ "$code" -le 128 ] || wait "$scan" || :

changes=
if [ -n "$previous" ] && [ -e "reports/$time.json" ]; then
  changes=$(auditor trend reports -o changes) || : # 3: there are files that are no reports of this history
fi
if [ -e "reports/$time.txt" ]; then
  result="$time $(tail -n 1 "reports/$time.txt"); exit code $code; see $AUDITOR_HOME/reports/$time.txt"
else
  result="$time auditor: nothing was evaluated; exit code $code"
fi

warn() {
  printf 'auditor-nightly: AUDITOR_NOTIFY %s\n' "$1" >&2
}

notify() { # TEXT: hand it to the owner's program; nothing that goes wrong there changes the exit code
  case $AUDITOR_NOTIFY in
    /*) ;;
    *) warn 'is not an absolute path' && return ;;
  esac
  if [ ! -f "$AUDITOR_NOTIFY" ] || [ ! -x "$AUDITOR_NOTIFY" ]; then
    warn 'is not the path of a program'
    return
  fi
  printf '%s\n' "$1" | timeout -k 5 60 "$AUDITOR_NOTIFY" >&2 &
  program=$!
  trap 'kill "$program" 2>/dev/null || :' HUP INT TERM
  status=0
  wait "$program" 2>/dev/null || status=$? # a shell may print "Killed"
  [ "$status" -le 128 ] || wait "$program" 2>/dev/null || :
  case $status in
    0) ;;
    124) warn 'was stopped after 60 seconds' ;;
    137) warn 'was killed' ;;
    *) warn "failed with exit code $status" ;;
  esac
}

[ -z "$changes" ] || printf '%s\n' "$changes"
printf '%s\n' "$result"
[ -z "${AUDITOR_NOTIFY:-}" ] || notify "$result${changes:+

$changes}"
exit "$code"
