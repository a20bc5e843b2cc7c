#!/bin/sh
# The scan of action.yml; the action's inputs are environment variables. It writes the job's summary and the step's outputs.
# It fails only if there is nothing to upload; the last step of the job fails with the output `exit-code`.
set -eu

die() {
  echo "::error::$1"
  exit 2
}

is_true() { # INPUT VALUE
  case $2 in
    true) return 0 ;;
    false | '') return 1 ;;
    *) die "the input $1 is neither true nor false" ;;
  esac
}

[ "$PREVIOUS" != last ] || PREVIOUS=$LAST_REPORT

# Option and value are one word, so that a value cannot act as an option.
[ -z "$SNAPSHOT" ] || set -- "$@" "--snapshot=$SNAPSHOT"
[ -z "$DEPLOYMENT" ] || set -- "$@" "--deployment=$DEPLOYMENT"
[ -z "$WAIVERS" ] || set -- "$@" "--waivers=$WAIVERS"
[ -z "$ATTESTATIONS" ] || set -- "$@" "--attestations=$ATTESTATIONS"
[ -z "$BASELINE" ] || set -- "$@" "--baseline=$BASELINE"
[ -z "$PREVIOUS" ] || set -- "$@" "--previous=$PREVIOUS"
[ -z "$PROFILE" ] || set -- "$@" "--profile=$PROFILE"
[ -z "$FAIL_ON" ] || set -- "$@" "--fail-on=$FAIL_ON"
if is_true demo "$DEMO"; then set -- "$@" --demo; fi
if is_true fail-on-new "$FAIL_ON_NEW"; then set -- "$@" --fail-on-new; fi
if is_true allow-incomplete "$ALLOW_INCOMPLETE"; then set -- "$@" --allow-incomplete; fi
is_true upload "$UPLOAD" || : # validated here; the upload step treats anything but true as false
set -f
case $SUBSCRIPTIONS in *';'*) IFS=';' ;; esac # so that names may have spaces
for subscription in $SUBSCRIPTIONS; do
  subscription=$(printf '%s' "$subscription" | tr '\n\t' '  ' | sed 's/^ *//; s/ *$//')
  [ -z "$subscription" ] || set -- "$@" "--subscription=$subscription"
done
unset IFS
set +f

out=$(mktemp -d "$RUNNER_TEMP/auditor-report.XXXXXX")

# The output contains names from Azure; none of them may act as a command of the runner.
stop=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::stop-commands::$stop"
code=0
"$AUDITOR" scan --no-config "$@" -o "json=$out/report.json" -o "sarif-github=$out/auditor.sarif" -o "markdown=$out/summary.md" \
  -o terminal 2>&1 || code=$?
echo "::$stop::"

case $code in
  0 | 1 | 3) ;;
  *) exit "$code" ;;
esac
cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
{
  echo "exit-code=$code"
  echo "report=$out/report.json"
  echo "sarif=$out/auditor.sarif"
} >>"$GITHUB_OUTPUT"
