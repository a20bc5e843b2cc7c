#!/bin/sh
# shellcheck disable=SC2016 # what is in single quotes is for awk
# Gathers from this Linux VM what `auditor scan --guest DIR` reads, and writes it as one tar into a new private folder.
#
#   sudo sh gather.sh [NAME]
#
# NAME is the name of the VM in Azure, or RESOURCE_GROUP~NAME; without it, Azure's metadata service on this VM is
# requested, and otherwise the host name is taken.
#
# Only the keys, words and lines below leave a file; passwords, comments, log texts and the texts of scripts do not. Where
# a line may be damaged, `?` replaces it, so that what it may have been stays unknown. Nothing is installed or changed, no
# session of an instance is opened, and no link is followed. It needs sh, awk, dd, iconv, sed, sha256sum, stat and tar.
set -u
umask 077
LC_ALL=C
export LC_ALL

# --- what is kept -------------------------------------------------------------------------------------------------------

# Sections and keys, with the form of the value: text (one line), path, word (no quotes, = or the like), list (words with
# commas), number, switch, password (only how it begins), hash (only a hash of the section).
CPF='@CPF@'
CSP='@CSP@'
# Keys of JSON, likewise.
PLUGIN='@PLUGIN@'
DEVICES='@DEVICES@'
MOUNTS='@MOUNTS@'
OPTIONS='@OPTIONS@'
# Lines of a log, labels and names of metrics, lines of `iris list`, words of a shell script.
EVENTS='@EVENTS@'
FREEZES='@FREEZES@'
LABELS='@LABELS@'
METRICS='@METRICS@'
INSTANCES='@INSTANCES@'
WORDS='@WORDS@'
export CPF CSP PLUGIN DEVICES MOUNTS OPTIONS EVENTS FREEZES LABELS METRICS INSTANCES WORDS

# --- filters: $raw to standard output -----------------------------------------------------------------------------------

# Functions of the filters. The last line has no end if that of the file has none, since it may be cut.
COMMON='
function emit(line) { printf "%s%s", between, line; between = "\n"; emitted = NR }
function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }
function near(a, b,   i) { # whether a name lacks one character of another one, or has one more
  if (length(a) > length(b)) { i = a; a = b; b = i }
  if (length(b) - length(a) != 1) return 0
  for (i = 1; substr(a, i, 1) == substr(b, i, 1) && i <= length(a); i++);
  return substr(a, i) == substr(b, i + 1)
}
END { if (between != "" && (ended || emitted != NR)) printf "\n" }
'

text() { # $raw as UTF-8, with \n at the ends of lines, and \001 for NUL
  if command -v iconv >/dev/null && ! iconv -f UTF-8 -t UTF-8 <"$raw" >/dev/null 2>&1; then
    iconv -f ISO-8859-1 -t UTF-8 <"$raw"
  else
    cat "$raw"
  fi | tr "\\000${1-}" '\001\n'
}

filter() { # PROGRAM: run awk with it on $raw
  ended=1
  [ -z "$(tail -c 1 "$raw" | tr '\000\n' 'x\n')" ] || ended=0
  text "${2-\\r}" | awk -v ended=$ended "$COMMON$1"
}

sections() { # TABLE: a CPF or CSP.ini
  TABLE=$1
  export TABLE
  filter '
BEGIN {
  count = split(ENVIRON["TABLE"], rows, "\n")
  for (i = 1; i <= count; i++) {
    split(rows[i], row, "\t"); known[tolower(row[1])] = 1
    for (j = split(row[2], keys, " "); j > 0; j--) { split(keys[j], cell, ":"); forms[tolower(row[1]), tolower(cell[1])] = cell[2] }
  }
  hash = "LC_ALL=C sort | sha256sum | cut -c 1-64"
}
function section_of(name,   p) { # the section of the table that a section is, "" if it is none
  if (name in known) return name
  for (p in known) if (p ~ /.[*]$/ && index(name, substr(p, 1, length(p) - 1)) == 1) return p
  for (p in known) if (near(name, p)) return "-"
  return ("*" in known) ? "*" : ""
}
function form_of(key,   k) { # the form of the value of a key of the section, "" if it is not kept
  if ((part, key) in forms) return forms[part, key]
  for (k in forms) {
    split(k, cell, SUBSEP)
    if (cell[1] == part && cell[2] ~ /.[*]$/ && index(key, substr(cell[2], 1, length(cell[2]) - 1)) == 1) return forms[k]
  }
  return ""
}
function separator(text,   i, quoted, sign) { # the place of the first = outside of quotes
  for (i = 1; i <= length(text); i++) {
    sign = substr(text, i, 1)
    if (sign == "\"") quoted = !quoted
    else if (sign == "=" && !quoted) return i
  }
  return index(text, "=")
}
function is_damaged(line, key, value,   p, k) { # whether a line may be one that is kept, or hide one
  if (index(line, "[")) for (p in known) {
    sub(/[*]$/, "", p)
    if (p != "" && index(line, "[" p)) return 1
  }
  for (k in forms) {
    split(k, cell, SUBSEP)
    if (cell[1] == part && cell[2] != "*" && (near(key, cell[2]) || index(value, cell[2] "="))) return 1
  }
  return 0
}
function begins(value, form) { # whether a password begins with a form that is damaged
  return near(substr(value, 1, length(form) - 1), form) || near(substr(value, 1, length(form) + 1), form)
}
function put(key, value, form) {
  if (form == "password" && value != "")
    value = value ~ /^1/ && part == "system" ? "1" : (value ~ /^[{]/) != (value ~ /[}]$/) ? "?" : value ~ /^\]\]\]/ ? "]]]" : \
      value ~ /^PBKDF2[|]/ ? "PBKDF2|" : value ~ /^[{]/ ? "{}" : begins(value, "]]]") || begins(value, "PBKDF2|") ? "?" : "plain"
  if (form == "number" && value !~ /^[0-9,-]*$/ || form == "word" && value !~ /^[A-Za-z0-9_%.:,|\/*+~ -]*$/ || \
      form == "list" && value !~ /^[A-Za-z0-9_%.:,|\/ -]*,[A-Za-z0-9_%.:,|\/ -]*$/ || \
      form == "switch" && value != "" && tolower(value) !~ /^(enabled|disabled)$/)
    emit(key "=?" (value ~ /=/ ? "\n?" : "")) # it may hide the next line
  else if (form == "path" && value !~ /^([\/,:^]|[A-Za-z]:)/ && value != "" || length(value) > 1024) emit("?")
  else emit(key "=" value)
}
function end_hash() {
  if (!hashed) return
  emit("auditor.sha256=" lines ","); fflush(); between = ""
  printf "" | hash; close(hash)
  hashed = 0
}
function malformed() { end_hash(); emit("?") }
NR == 1 { sub(/^\357\273\277/, "") }
/^[ \t]*$/ || /^[ \t]*([;#]|\/\/([ \t]|$))/ { next }
/[\001-\010\013-\037\177]/ { malformed(); next }
/^[ \t]*\[.+\][ \t]*$/ && trim($0) !~ /^\[.*(\[|\]|=).*\]$/ {
  end_hash()
  name = trim($0); name = trim(substr(name, 2, length(name) - 2)); part = section_of(tolower(name))
  if (part == "*" && name !~ /^[A-Za-z0-9_.:\/% -]+$/) { malformed(); part = "" }
  emit(part == "" ? "[other]" : "[" name "]")
  started = 1; lines = 0; any = forms[part, "*"]; hashed = any == "hash"
  next
}
{
  place = separator($0)
  if (!started || !place) {
    malformed()
    if (/^[ \t]*\[/ || /\][ \t]*$/) { emit("[other]"); part = any = "" } # whose lines follow is not known
    next
  }
  key = trim(substr($0, 1, place - 1)); value = trim(substr($0, place + 1)); form = form_of(tolower(key))
  if (form != "") put(key, value, form)
  else if (is_damaged(tolower($0), tolower(key), tolower(value))) malformed()
  else if (hashed) { lines++; print key "=" value | hash }
  else if (any != "" && any != "hash") {
    if (key == "" || key ~ /[^ -~]/ || tolower(key) ~ /passw|pwd|secret|token|credential|^user(name)?$/) emit("?")
    else put(key, value, any)
  } else if (key ~ /[^ -~]/ && part != "" && any != "hash") emit("?")
}
END { end_hash() }
'
}

json() { # TABLE: JSON of the same structure, in which a name stands for each other text, and 0 for each other number
  TABLE=$1
  export TABLE
  filter '
BEGIN {
  for (i = split(ENVIRON["TABLE"], rows, " "); i > 0; i--) { split(rows[i], cell, ":"); forms[cell[1]] = cell[2] }
  for (i = split(ENVIRON["OPTIONS"], rows, " "); i > 0; i--) options[rows[i]] = 1
  string = "^\"([^\"\\\\\001-\037]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f])*\""
  number = "^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?"
}
function alias(text) { # the same name for the same text
  if (!(text in names)) names[text] = "text" ++named
  return "\"" names[text] "\""
}
function value_of(text,   found, i, k) {
  if (text == "" || text in forms) return "\"" text "\""
  for (k in forms) if (near(text, k)) return "\"" text "\""
  if (form == "options") {
    count = split(text, rows, ",")
    for (i = 1; i <= count; i++) {
      if (!(rows[i] in options)) for (k in options) if (near(rows[i], k) || length(k) > 2 && index(rows[i], k)) rows[i] = "?"
      if (rows[i] in options || rows[i] == "?") found = found (found == "" ? "" : ",") rows[i]
    }
    return "\"" found "\""
  }
  if (form == "device") sub(/\[.*/, "", text)
  if (form == "text" && text !~ /\\/ || form == "word" && text ~ /^[A-Za-z0-9_.:+\/ -]*$/ || form == text || \
      form == "path" && text ~ /^\/[A-Za-z0-9_.\/@%+-]*$/ || form == "device" && text ~ /^\/dev\/[A-Za-z0-9_.\/-]+$/)
    return "\"" text "\""
  return alias(text)
}
{
  rest = $0
  while (rest != "") {
    if (match(rest, /^[ \t]+/)) token = " "
    else if (match(rest, string)) {
      text = substr(rest, 2, RLENGTH - 2); after = substr(rest, RLENGTH + 1)
      token = value_of(text)
      if (after ~ /^[ \t]*:/) form = (text in forms) ? forms[text] : ""
      else if (after ~ /^[ \t]*$/) form = ""
    } else if (match(rest, number)) token = form == "number" ? substr(rest, 1, RLENGTH) : "0"
    else if (match(rest, /^(true|false|null)/)) token = substr(rest, 1, RLENGTH)
    else if (match(rest, /^[]\[{}:,]/)) token = substr(rest, 1, 1) (substr(rest, 1, 1) == "," ? "\n" : "")
    else { RLENGTH = 1; token = "?" }
    printf "%s", token
    rest = substr(rest, RLENGTH + 1)
  }
  print ""
}
'
}

log() { # the known lines of messages.log; of the first and the last one, the time
  filter '
BEGIN {
  events = split(ENVIRON["EVENTS"], event, "\n")
  freezes = split(ENVIRON["FREEZES"], freeze, "\n")
  start = "^([A-Za-z0-9_.-]+[ \t]+[|][ \t])?[0-9][0-9]/[0-9][0-9]/[0-9][0-9]-[0-9][0-9]:[0-9][0-9]:[0-9][0-9]:[0-9][0-9][0-9]"
  kind = "^ [(][0-9]+[)] [0-3] ([[][A-Za-z0-9_.]+[]] )?"
}
function take(line,   time, head, i, word) {
  if (!match(line, start)) return
  time = substr(line, 1, RLENGTH); line = substr(line, RLENGTH + 1)
  if (!match(line, kind)) return
  head = time substr(line, 1, RLENGTH); line = trim(substr(line, RLENGTH + 1)); last = time " (0) 0 -"
  for (i = 1; i <= events; i++) if (match(line, event[i])) { print head substr(line, 1, RLENGTH); last = ""; break }
  word = line; sub(/ .*/, "", word)
  if (i > events && (index(word, "Allocated") == 1 || near(word, "Allocated")) && line ~ /shared|memory/) {
    print head "Allocated ? memory"; last = ""
  }
  for (i = 1; i <= freezes; i++) if (near(line, freeze[i])) { print head line; last = "" }
  if (last != "" && !first++) { print last; last = "" }
}
NR > 1 { take(held) }
{ held = $0 }
END { if (ended && NR) take(held); if (last != "") print last }
'
}

instances() { # what `iris list` prints
  filter '
BEGIN { for (i = split(ENVIRON["INSTANCES"], rows, ","); i > 0; i--) kept[rows[i]] = 1 }
match($0, /^[ \t]*Configuration \047[A-Za-z0-9_.-]+\047/) { emit(trim(substr($0, 1, RLENGTH))); next }
/^[ \t]+[a-z][a-z ]+:[ \t]+[^ \t]/ {
  place = index($0, ":"); key = trim(substr($0, 1, place - 1)); value = trim(substr($0, place + 1))
  if (key == "status") sub(/,.*/, "", value)
  form = "^[A-Za-z0-9_.:()/ -]*$"
  if (key == "conf file") form = "^[^ =]+ +[(]SuperServer port = [0-9]+, WebServer = [A-Za-z0-9]+[)]$"
  if (key == "mirroring") form = "^Member Type = [A-Za-z -]+; *Status = [A-Za-z -]+$"
  if (key in kept) emit(value ~ form ? "  " key ": " value : "?")
  next
}
/[^ \t]/ { emit("?") }
'
}

metrics() { # what /api/monitor/metrics returns
  filter '
BEGIN { for (i = split(ENVIRON["METRICS"], rows, " "); i > 0; i--) kept[rows[i]] = 1 }
match($0, /^[ \t]*iris_[A-Za-z0-9_]+/) {
  name = trim(substr($0, 1, RLENGTH)); rest = substr($0, RLENGTH + 1); labels = ""
  if (!(name in kept)) next
  if (match(rest, /^[{][^}]*[}]/)) {
    inner = substr(rest, 2, RLENGTH - 2); rest = substr(rest, RLENGTH + 1)
    while (match(inner, "(^|,)[ \t]*(" ENVIRON["LABELS"] ")=\"[^\"\\\\]*\"")) {
      label = substr(inner, RSTART, RLENGTH); sub(/^,?[ \t]*/, "", label); inner = "-" substr(inner, RSTART + RLENGTH)
      labels = labels (labels == "" ? "" : ",") label
    }
    labels = "{" labels "}"
  }
  if (rest !~ /^[ \t]+[^ \t]+([ \t]+[0-9]+)?[ \t]*$/) next
  rest = trim(rest)
  emit(name labels " " (rest ~ /^-?[0-9]+([.][0-9]+)?([ \t]+[0-9]+)?$/ ? rest : "?"))
}
'
}

script() { # a shell script: known words, variables and statuses; a name stands for each other word
  filter '
BEGIN { for (i = split(ENVIRON["WORDS"], rows, " "); i > 0; i--) kept[rows[i]] = 1 }
function alias(text) {
  if (!(text in names)) names[text] = "word" ++named
  return names[text]
}
function part_of(word,   base) { # what is kept of a word without variables and quotes
  base = word; sub(/.*\//, "", base)
  if (word in kept || word ~ /^-?[0-9][0-9]?[0-9]?$/) return word
  if (base in kept && word ~ /^\//) return "/" base
  return alias(word)
}
function word_of(word,   name, inner) { # what is kept of a word
  if (match(word, /^[A-Za-z_][A-Za-z0-9_]*=/)) {
    name = substr(word, 1, RLENGTH); inner = substr(word, RLENGTH + 1)
    return name (inner == "" ? "" : word_of(inner))
  }
  if (word ~ /^"?[$]([A-Za-z_][A-Za-z0-9_]*|[{][A-Za-z_][A-Za-z0-9_]*[}]|[0-9?@*#])"?$/) return word
  if (word ~ /^["\047]##[Cc]lass[(]Backup[.]General[)][.]External(Freeze|Thaw|SetHistory)[(][^()`]*[)]["\047]$/) {
    gsub(/[(][^()`]*[)].$|^./, "", word)
    return "\047" word "()\047"
  }
  if (word ~ /^\047[^\047]*\047$/) return "\047" part_of(substr(word, 2, length(word) - 2)) "\047"
  if (word ~ /^"[^"$`\\]*"$/) return "\"" part_of(substr(word, 2, length(word) - 2)) "\""
  if (word ~ /^[^"\047$`\\*?~{[]*$/ || word in kept) return part_of(word)
  if (word ~ /^[^"\047$`\\]*$/) return "?"
  if (word ~ /^"?[$][(](basename|date|dirname|hostname|id|pwd|whoami)( [^()`&|;<>\\"$]*)?[)]"?$/) return "\"$(date)\""
  gsub(/\\./, "", word)
  gsub(/[$]([A-Za-z_][A-Za-z0-9_]*|[{][A-Za-z0-9_]+((:?-|[%#])[^{}`$\\"\047]*)?[}]|[0-9?@*#!$-])/, "", word)
  if (word !~ /[$`\\]/) return "\"$unknown\""
  refused = 1
}
/[\001-\010\013-\037\177]/ { refused = 1; exit }
NR == 1 && /^#!/ {
  emit($0 ~ /^#![ \t]*(\/usr\/bin\/env[ \t]+)?(\/[a-z\/]*\/)?(sh|bash|dash|ksh)[ \t]*$/ ? $0 : "#!?")
  next
}
{
  if (continued != "") { $0 = continued $0; continued = "" }
  if ($0 ~ /\\$/ && $0 !~ /^[ \t]*#/) { continued = substr($0, 1, length($0) - 1); next }
  rest = $0; line = ""
  while (rest != "") {
    if (match(rest, /^[ \t]+/)) token = " "
    else if (rest ~ /^#/) break
    else if (rest ~ /^<</) { refused = 1; exit }
    else if (match(rest, /^([0-9]?(>>|>|<)(&[0-9])?|&>|[;&|()]+|[0-9]>&-)/)) token = substr(rest, 1, RLENGTH)
    else if (match(rest, /^([^ \t;&|()<>"\047$`\\]|"([^"\\$`]|\\.|[$][({]?[^"`()]*[)}]?)*"|\047[^\047]*\047|[$]([A-Za-z_0-9?@*#!]|[{][^}"`]*[}]|[(][^()`"]*[)])|`[^`]*`|\\.)+/))
      token = ""
    else { refused = 1; exit }
    found = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
    line = line (token == "" ? word_of(found) : token)
  }
  emit(line)
}
END { if (refused || continued != "") printf "\n`" }
' ''
}

# --- what is gathered ---------------------------------------------------------------------------------------------------

root=${GATHER_ROOT-} # where the files are looked for, such as /mnt/disk; usually empty

note() { printf '%s\n' "$*" | tr '\000-\011\013-\037\177' '?' >&2; }

read_file() { # FILE LIMIT [tail]: put its bytes, or the last ones of a larger file, into $raw; no link, no device
  [ -f "$1" ] && [ ! -L "$1" ] || return 1
  size=$(stat -c %s -- "$1") || return 1
  skip=0
  if [ "$size" -gt "$2" ]; then
    [ "${3-}" = tail ] || { note "too large: $1"; return 1; }
    skip=$((size - $2))
  fi
  dd if="$1" iflag=nofollow,nonblock,skip_bytes,count_bytes,fullblock skip="$skip" count="$2" bs=65536 status=none >"$raw" \
    || { note "not readable: $1"; return 1; }
  note "reads $1"
}

keep() { # NAME: standard input as a file of that name
  cat >"$part"
  if [ -s "$part" ] && [ ! -e "$folder/$1" ]; then cat "$part" >"$folder/$1"; fi
}

instance() { # NAME FOLDER DATA_FOLDER: an instance of InterSystems
  for data in "$3" "$2"; do
    for cpf in iris.cpf cache.cpf; do
      [ ! -e "$folder/$1.cpf" ] && read_file "$root$data/$cpf" 16777216 && sections "$CPF" | keep "$1.cpf"
    done
    for log in messages cconsole; do
      [ ! -e "$folder/$1-messages.log" ] && read_file "$root$data/mgr/$log.log" 4194304 tail && log | keep "$1-messages.log"
    done
  done
  web_gateway "$1-" "$root$2/csp/bin/CSP.ini"
  if command -v curl >/dev/null && [ -e "$folder/$1.cpf" ]; then
    port=$(sed -n 's/^WebServerPort=\([0-9][0-9]*\)$/\1/p' "$folder/$1.cpf" | sed -n 1p)
    curl -q -s -f --max-time 10 --noproxy '*' "http://127.0.0.1:${port:-52773}/api/monitor/metrics" 2>/dev/null \
      | head -c 4194304 >"$raw"
    metrics | keep "$1-metrics.prom"
  fi
}

web_gateway() { # PREFIX FILE: a CSP.ini
  if read_file "$2" 4194304; then sections "$CSP" | keep "$1CSP.ini"; fi
}

instances_of_vm() { # what `iris list` shows, or the registry of instances
  for program in iris ccontrol; do
    command -v "$program" >/dev/null || continue
    "$program" list </dev/null 2>/dev/null | head -c 4194304 >"$raw"
    instances | keep "$program-list.txt"
    [ -e "$folder/$program-list.txt" ] || continue
    awk -F '\047' '
      function put() { if (folder != "" && name ~ /^[a-z0-9_]/) print name "\t" folder "\t" (data == "" ? folder : data) }
      $1 == "Configuration " { put(); name = tolower($2); folder = data = "" }
      /^  directory: \// { folder = substr($0, 14) }
      /^  datadir: \// { data = substr($0, 12) }
      END { put() }' "$folder/$program-list.txt"
    return
  done
  number=
  {
    for registry in /usr/local/etc/irissys/iris.reg /usr/local/etc/cachesys/cache.reg; do
      if read_file "$root$registry" 1048576; then tr -c 'A-Za-z0-9_./-' '\n' <"$raw" | sed -n '/^\/./p'; fi
    done
    printf '%s\n' /usr/irissys /usr/cachesys /opt/iris /opt/cache
  } | sort -u | while IFS= read -r found; do
    for cpf in iris cache; do
      [ -f "$root$found/$cpf.cpf" ] || continue
      printf '%s%s\t%s\t%s\n' "$cpf" "$number" "$found" "$found"
      number=$((${number:-1} + 1))
    done
  done
}

backup_scripts() {
  read_file "$root/etc/azure/VMSnapshotScriptPluginConfig.json" 1048576 || return
  json "$PLUGIN" | keep VMSnapshotScriptPluginConfig.json
  sed -n 's/.*"p[a-z]*ScriptLocation" *: *"\(\/[^"]*\)".*/\1/p' "$folder/VMSnapshotScriptPluginConfig.json" | while IFS= read -r found; do
    case ${found##*/} in
      '' | .* | -* | *[!A-Za-z0-9_.-]*) ;;
      *) if read_file "$root$found" 65536; then script | keep "${found##*/}"; fi ;;
    esac
  done
}

azure() { # PROPERTY: what the metadata service of Azure says of this VM
  curl -q -s -f --max-time 3 --noproxy '*' -H Metadata:true \
    "http://169.254.169.254/metadata/instance/compute/$1?api-version=2021-02-01&format=text" 2>/dev/null
}

name_of_vm() { # RESOURCE_GROUP~NAME, or the host name
  if name=$(azure name) && group=$(azure resourceGroupName) && [ -n "$name" ] && [ -n "$group" ]; then
    case $group~$name in
      *[!A-Za-z0-9_.\(\)~-]*) ;;
      *) printf '%s' "$group~$name"; return ;;
    esac
  fi
  hostname -s 2>/dev/null || uname -n
}

vm=${1-$(name_of_vm)}
case $vm in
  '' | .* | -* | *[!A-Za-z0-9_.\(\)~-]*) note "give the name of the VM in Azure: sh gather.sh NAME"; exit 2 ;;
esac
private=$(mktemp -d "${TMPDIR:-/tmp}/auditor-guest.XXXXXXXXXX") || exit 2
trap 'rm -rf "$private/work"' EXIT
trap 'exit 2' HUP INT TERM
mkdir "$private/work" "$private/work/$vm" || exit 2
folder=$private/work/$vm raw=$private/work/raw part=$private/work/part
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

instances_of_vm >"$private/work/instances"
while IFS='	' read -r name own data; do instance "$name" "$own" "$data"; done <"$private/work/instances"
for found in /opt/webgateway/bin /opt/webgateway/conf /opt/cspgateway/bin; do web_gateway '' "$root$found/CSP.ini"; done
backup_scripts
if command -v lsblk >/dev/null; then
  for points in MOUNTPOINTS MOUNTPOINT; do # older versions have the second one only
    lsblk -J -o "@COLUMNS@,$points" >"$raw" 2>/dev/null && json "$DEVICES" | keep lsblk.json
  done
fi
if command -v findmnt >/dev/null; then
  findmnt -J -o TARGET,SOURCE,FSTYPE,OPTIONS >"$raw" 2>/dev/null && json "$MOUNTS" | keep findmnt.json
fi

# --- the tar ------------------------------------------------------------------------------------------------------------

(
  cd "$folder" || exit
  printf 'format: auditor.guest/1\ntaken:\n  - machine: "%s"\n    at: %s\n    files:\n' "$vm" "$now"
  for file in *; do
    [ -f "$file" ] && printf '      - {name: "%s", sha256: %s}\n' "$file" "$(sha256sum <"$file" | cut -c 1-64)"
  done
) >"$part"
grep -q sha256 "$part" || { note "nothing was found that is read; run it as root"; rm -rf "$private"; exit 1; }
cat "$part" >"$folder/manifest.yaml"
tar -cf "$private/$vm.tar" -C "$private/work" "$vm" || exit 2
ls "$folder"/*.cpf >/dev/null 2>&1 || note "No CPF was found: this VM has no InterSystems instance, or run this as root."
note "Not gathered: the status of mirrors, which needs a session. In a terminal of the instance: %SYS>DO ^MIRROR, Mirror"
note "Status, Display mirror status; save what it prints as mirror-status.txt, and list it in manifest.yaml."
printf '%s\n' "$private/$vm.tar"
