# Gathers from this Windows VM what `auditor scan --guest DIR` reads, and writes it as one archive into a new private folder.
#
#   powershell -NoProfile -File gather.ps1 [-Name NAME]
#
# Run it as an administrator. NAME is the name of the VM in Azure, or RESOURCE_GROUP~NAME; without it, Azure's metadata
# service on this VM is requested, and otherwise the computer name is taken.
#
# Only the keys and lines below leave a file; passwords, comments and log texts do not. Where a line may be damaged, `?`
# replaces it, so that what it may have been stays unknown. Nothing is installed or changed, no session of an instance is
# opened, and no link is followed. It needs Windows PowerShell 5.1 or newer.
param([string]$Name = '')
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# --- what is kept -------------------------------------------------------------------------------------------------------

# Sections and keys, with the form of the value: text (one line), path, word (no quotes, = or the like), list (words with
# commas), number, switch, password (only how it begins), hash (only a hash of the section).
$Cpf = @'
@CPF@
'@
$Csp = @'
@CSP@
'@
# Lines of a log, labels and names of metrics, lines of `iris list`.
$Events = @'
@EVENTS@
'@ -split "`r?`n"
$Freezes = @'
@FREEZES@
'@ -split "`r?`n"
$Labels = '@LABELS@'
$Metrics = '@METRICS@' -split ' '
$Instances = '@INSTANCES@' -split ','

# --- filters: lines to lines --------------------------------------------------------------------------------------------

function Test-Near([string]$a, [string]$b) { # whether a name lacks one character of another one, or has one more
    if ($a.Length -gt $b.Length) { $a, $b = $b, $a }
    if ($b.Length - $a.Length -ne 1) { return $false }
    for ($i = 0; $i -lt $a.Length -and $a[$i] -ceq $b[$i]; $i++) { }
    return $a.Substring($i) -ceq $b.Substring($i + 1)
}

function Get-Separator([string]$text) { # the place of the first = outside of quotes
    $quoted = $false
    for ($i = 0; $i -lt $text.Length; $i++) {
        if ($text[$i] -eq '"') { $quoted = -not $quoted }
        elseif ($text[$i] -eq '=' -and -not $quoted) { return $i }
    }
    return $text.IndexOf('=')
}

function Get-Sha256([byte[]]$bytes) {
    $algorithm = [Security.Cryptography.SHA256]::Create()
    try { return [BitConverter]::ToString($algorithm.ComputeHash($bytes)).Replace('-', '').ToLowerInvariant() }
    finally { $algorithm.Dispose() }
}

function Format-Entry([string]$key, [string]$value, [string]$form) { # a line as it is kept
    if ($form -eq 'password' -and $value -ne '') {
        if (($value[0] -ceq '{') -ne ($value[-1] -ceq '}')) { return "$key=?" }
        $begins = [regex]::Match($value, '^(\]\]\]|PBKDF2\||\{|1)').Value
        if ($begins -eq '{') { return "$key={}" }
        if ($begins -ne '') { return "$key=$begins" }
        foreach ($begin in ']]]', 'PBKDF2|') { # whether it begins with a form that is damaged
            foreach ($length in ($begin.Length - 1), ($begin.Length + 1)) {
                if ($value.Length -ge $length -and (Test-Near $value.Substring(0, $length) $begin)) { return "$key=?" }
            }
        }
        return "$key=plain"
    }
    $forms = @{
        number = '^[0-9,-]*$'
        word = '^[A-Za-z0-9_%.:,|\\/*+~ -]*$'
        list = '^[A-Za-z0-9_%.:,|\\/ -]*,[A-Za-z0-9_%.:,|\\/ -]*$'
        switch = '^(enabled|disabled|)$'
        path = '^([\\/,:^]|[A-Za-z]:|$)'
    }
    if ($form -eq 'path' -and $value -notmatch $forms.path -or $value.Length -gt 1024) { return '?' }
    if ($forms.ContainsKey($form) -and $value -notmatch $forms[$form]) {
        if ($value.Contains('=')) { return @("$key=?", '?') } # it may hide the next line
        return "$key=?"
    }
    return "$key=$value"
}

function Select-Section([string[]]$lines, [string]$table) { # a CPF or CSP.ini
    $known = @{}
    foreach ($row in $table -split "`r?`n") {
        $cells = $row.ToLowerInvariant() -split "`t"
        $known[$cells[0]] = @{}
        if ($cells.Count -gt 1) {
            foreach ($pair in $cells[1] -split ' ') {
                $parts = $pair -split ':'
                $known[$cells[0]][$parts[0]] = $parts[1]
            }
        }
    }
    $prefixes = @($known.Keys | Where-Object { $_.Length -gt 1 -and $_.EndsWith('*') })
    $started = $false
    $keys = @{}
    $any = ''
    $hashed = $null
    $kept = New-Object 'Collections.Generic.List[string]'
    $endHash = {
        if ($null -ne $hashed) {
            $hashed.Sort([StringComparer]::Ordinal)
            $bytes = [Text.Encoding]::UTF8.GetBytes([string]::Join('', @($hashed | ForEach-Object { "$_`n" })))
            $kept.Add("auditor.sha256=$($hashed.Count)," + (Get-Sha256 $bytes))
        }
    }
    foreach ($line in $lines) {
        if ($line -match '^\s*($|[;#]|//(\s|$))') { continue }
        $section = [regex]::Match($line, '^[ \t]*\[([^\[\]=\x00-\x1f\x7f]{1,256})\][ \t]*$')
        if ($section.Success) {
            . $endHash
            $hashed = $null
            $title = $section.Groups[1].Value.Trim()
            $lowered = $title.ToLowerInvariant()
            $prefix = @($prefixes | Where-Object { $lowered.StartsWith($_.TrimEnd('*')) })
            $started = $true
            $keys = @{}
            if ($known.ContainsKey($lowered)) { $keys = $known[$lowered] }
            elseif ($prefix.Count -gt 0) { $keys = $known[$prefix[0]] }
            elseif (@($known.Keys | Where-Object { Test-Near $lowered $_ }).Count -gt 0) { $keys = @{} }
            elseif ($known.ContainsKey('*') -and $title -match '^[A-Za-z0-9_.:/% -]+$') { $keys = $known['*'] }
            else {
                if ($known.ContainsKey('*')) { $kept.Add('?') }
                $title = 'other'
            }
            $kept.Add("[$title]")
            $any = if ($keys.ContainsKey('*')) { $keys['*'] } else { '' }
            if ($any -eq 'hash') { $hashed = New-Object 'Collections.Generic.List[string]' }
            continue
        }
        $place = Get-Separator $line
        if (-not $started -or $place -lt 0 -or $line -match '[\x00-\x08\x0a-\x1f\x7f]') {
            . $endHash
            $hashed = $null
            $kept.Add('?')
            if ($place -lt 0 -and $line -match '^[ \t]*\[|\][ \t]*$') { # whose lines follow is not known
                $kept.Add('[other]')
                $keys = @{}
                $any = ''
            }
            continue
        }
        $key = $line.Substring(0, $place).Trim()
        $value = $line.Substring($place + 1).Trim()
        $lowered = $key.ToLowerInvariant()
        $form = ''
        if ($keys.ContainsKey($lowered)) { $form = $keys[$lowered] }
        else {
            $own = @($keys.Keys | Where-Object { $_.Length -gt 1 -and $_.EndsWith('*') -and $lowered.StartsWith($_.TrimEnd('*')) })
            if ($own.Count -gt 0) { $form = $keys[$own[0]] }
        }
        if ($form -ne '' -and $lowered -ne '*') {
            foreach ($entry in Format-Entry $key $value $form) { $kept.Add($entry) }
            continue
        }
        $damaged = $false
        foreach ($each in $known.Keys) {
            $title = $each.TrimEnd('*')
            if ($title -ne '' -and $line.ToLowerInvariant().Contains("[$title")) { $damaged = $true }
        }
        foreach ($each in $keys.Keys) {
            if ($each -ne '*' -and ((Test-Near $lowered $each) -or $value.ToLowerInvariant().Contains("$each="))) { $damaged = $true }
        }
        if ($damaged) {
            . $endHash
            $hashed = $null
            $kept.Add('?')
        }
        elseif ($null -ne $hashed) { $hashed.Add("$key=$value") }
        elseif ($any -ne '' -and $any -ne 'hash') {
            if ($key -eq '' -or $key -match '[^ -~]' -or $lowered -match 'passw|pwd|secret|token|credential|^user(name)?$') { $kept.Add('?') }
            else { foreach ($entry in Format-Entry $key $value $any) { $kept.Add($entry) } }
        }
    }
    . $endHash
    return , $kept.ToArray()
}

function Select-Event([string[]]$lines) { # the known lines of messages.log; of the first and the last one, the time
    $kept = New-Object 'Collections.Generic.List[string]'
    $last = ''
    $form = '^(\d\d/\d\d/\d\d-\d\d:\d\d:\d\d:\d{3})( \(\d+\) [0-3] (?:\[[A-Za-z0-9_.]+\] )?)(.*)$'
    foreach ($line in $lines) {
        $found = [regex]::Match($line, $form)
        if (-not $found.Success) { continue }
        $head = $found.Groups[1].Value + $found.Groups[2].Value
        $text = $found.Groups[3].Value.Trim()
        $last = $found.Groups[1].Value + ' (0) 0 -'
        foreach ($pattern in $Events) {
            $event = [regex]::Match($text, $pattern)
            if ($event.Success) {
                $kept.Add($head + $event.Value)
                $last = ''
                break
            }
        }
        $word = ($text -split ' ')[0]
        if ($last -ne '' -and ($word.StartsWith('Allocated') -or (Test-Near $word 'Allocated')) -and $text -match 'shared|memory') {
            $kept.Add($head + 'Allocated ? memory')
            $last = ''
        }
        foreach ($sentence in $Freezes) {
            if (Test-Near $text $sentence) {
                $kept.Add($head + $text)
                $last = ''
            }
        }
        if ($last -ne '' -and $kept.Count -eq 0) {
            $kept.Add($last)
            $last = ''
        }
    }
    if ($last -ne '') { $kept.Add($last) }
    return , $kept.ToArray()
}

function Select-Instance([string[]]$lines) { # what `iris list` prints
    $kept = New-Object 'Collections.Generic.List[string]'
    foreach ($line in $lines) {
        $start = [regex]::Match($line, "^\s*(Configuration '[A-Za-z0-9_.-]+')")
        $field = [regex]::Match($line, '^\s+([a-z][a-z ]+):\s+(\S.*)$')
        if ($start.Success) { $kept.Add($start.Groups[1].Value) }
        elseif ($field.Success) {
            $key = $field.Groups[1].Value
            $value = $field.Groups[2].Value.Trim()
            $form = '^[A-Za-z0-9_.:()\\/ -]*$'
            if ($key -eq 'conf file') { $form = '^[^ =]+ +\(SuperServer port = [0-9]+, WebServer = [A-Za-z0-9]+\)$' }
            if ($key -eq 'mirroring') { $form = '^Member Type = [A-Za-z -]+; *Status = [A-Za-z -]+$' }
            if ($key -eq 'status') { $value = ($value -split ',')[0] }
            if ($Instances -ccontains $key) { $kept.Add($(if ($value -cmatch $form) { "  ${key}: $value" } else { '?' })) }
        }
        elseif ($line.Trim() -ne '') { $kept.Add('?') }
    }
    return , $kept.ToArray()
}

function Select-Metric([string[]]$lines) { # what /api/monitor/metrics returns
    $kept = New-Object 'Collections.Generic.List[string]'
    foreach ($line in $lines) {
        $found = [regex]::Match($line.Trim(), '^(iris_\w+)(\{[^}]*\})?\s+(\S+(?:\s+\d+)?)$')
        if (-not $found.Success -or $Metrics -cnotcontains $found.Groups[1].Value) { continue }
        $labels = @([regex]::Matches($found.Groups[2].Value.Trim('{', '}'), "(?:^|,)\s*((?:$Labels)=`"[^`"\\]*`")") | ForEach-Object { $_.Groups[1].Value })
        $value = $found.Groups[3].Value
        if ($value -notmatch '^-?[0-9]+(\.[0-9]+)?(\s+[0-9]+)?$') { $value = '?' }
        $kept.Add($found.Groups[1].Value + $(if ($labels.Count -gt 0) { '{' + ($labels -join ',') + '}' } else { '' }) + " $value")
    }
    return , $kept.ToArray()
}

# --- what is gathered ---------------------------------------------------------------------------------------------------

function Read-Line([string]$path, [long]$limit, [bool]$tail) { # the lines of a file; none of a link, a device, a large file
    $none = , [string[]]@()
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) { return $none }
    $item = Get-Item -LiteralPath $path -Force
    if ($item.Attributes -band [IO.FileAttributes]::ReparsePoint) { return $none }
    try { $stream = New-Object IO.FileStream($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]'ReadWrite, Delete') }
    catch {
        Write-Warning "not readable: $path"
        return $none
    }
    try {
        if ($stream.Length -gt $limit -and -not $tail) {
            Write-Warning "too large: $path"
            return $none
        }
        if ($stream.Length -gt $limit) { $null = $stream.Seek(-$limit, [IO.SeekOrigin]::End) }
        $memory = New-Object IO.MemoryStream
        $stream.CopyTo($memory)
    }
    finally { $stream.Dispose() }
    $bytes = $memory.ToArray()
    $encoding = New-Object Text.UTF8Encoding($false, $true)
    if ($bytes.Length -ge 2 -and $bytes[0] -eq 0xFF -and $bytes[1] -eq 0xFE) { $encoding = [Text.Encoding]::Unicode }
    try { $text = $encoding.GetString($bytes) }
    catch { $text = [Text.Encoding]::GetEncoding(28591).GetString($bytes) }
    Write-Host "reads $path"
    $lines = $text.TrimStart([char]0xFEFF) -split "`r`n|`n|`r"
    if ($lines[-1] -ne '') { $lines[-1] = '?' } # a line without an end may be cut
    return , [string[]]$lines
}

function Save-Line([string]$file, [string[]]$lines) {
    $target = Join-Path $folder $file
    if ($lines.Count -gt 0 -and -not (Test-Path -LiteralPath $target)) {
        [IO.File]::WriteAllText($target, ($lines -join "`n") + "`n", (New-Object Text.UTF8Encoding($false)))
    }
}

function Get-FromAzure([string]$property) { # what the metadata service of Azure says of this VM
    $client = New-Object Net.WebClient
    $client.Proxy = $null
    $client.Headers.Add('Metadata', 'true')
    try { return $client.DownloadString("http://169.254.169.254/metadata/instance/compute/${property}?api-version=2021-02-01&format=text") }
    catch { return '' }
    finally { $client.Dispose() }
}

function Save-Metric([string]$prefix, [string]$port) {
    $client = New-Object Net.WebClient
    $client.Proxy = $null
    try { $text = $client.DownloadString("http://127.0.0.1:$port/api/monitor/metrics") }
    catch { return }
    finally { $client.Dispose() }
    Save-Line "$prefix-metrics.prom" (Select-Metric ($text -split "`n"))
}

function Save-Instance([string]$prefix, [string]$directory) {
    foreach ($file in 'iris.cpf', 'cache.cpf') {
        Save-Line "$prefix.cpf" (Select-Section (Read-Line (Join-Path $directory $file) 16MB $false) $Cpf)
    }
    foreach ($file in 'messages.log', 'cconsole.log') {
        Save-Line "$prefix-messages.log" (Select-Event (Read-Line (Join-Path $directory "mgr\$file") 4MB $true))
    }
    Save-Line "$prefix-CSP.ini" (Select-Section (Read-Line (Join-Path $directory 'csp\bin\CSP.ini') 4MB $false) $Csp)
    foreach ($program in 'iris', 'ccontrol') {
        $path = Join-Path $directory "bin\$program.exe"
        if (Test-Path -LiteralPath $path -PathType Leaf) { Save-Line "$program-list.txt" (Select-Instance @(& $path list)) }
    }
    $cpfFile = Join-Path $folder "$prefix.cpf"
    if (Test-Path -LiteralPath $cpfFile) {
        $port = [regex]::Match([IO.File]::ReadAllText($cpfFile), '(?m)^WebServerPort=([0-9]{1,5})$').Groups[1].Value
        Save-Metric $prefix $(if ($port -eq '') { '52773' } else { $port })
    }
}

if ($Name -eq '') {
    $own, $group = (Get-FromAzure 'name'), (Get-FromAzure 'resourceGroupName')
    $Name = if ($own -ne '' -and $group -ne '') { "$group~$own" } else { $env:COMPUTERNAME }
}
if ($Name -notmatch '^[A-Za-z0-9_(][A-Za-z0-9_.()~-]*$') { throw 'give the name of the VM in Azure: gather.ps1 -Name NAME' }

$private = Join-Path ([IO.Path]::GetTempPath()) ('auditor-guest.' + [Guid]::NewGuid().ToString('N'))
$null = New-Item -ItemType Directory -Path $private
$user = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value
& icacls.exe $private /inheritance:r /grant:r "*${user}:(OI)(CI)F" | Out-Null
if ($LASTEXITCODE -ne 0) { throw "the folder $private could not be made private" }
$folder = Join-Path $private $Name
$null = New-Item -ItemType Directory -Path $folder
$now = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)

foreach ($product in 'IRIS', 'Cache', 'WOW6432Node\IRIS', 'WOW6432Node\Cache') {
    $configurations = 'HKLM:\SOFTWARE\' + ($product -replace '(\w+)$', 'InterSystems\$1\Configurations')
    if (-not (Test-Path -LiteralPath $configurations)) { continue }
    foreach ($key in Get-ChildItem -LiteralPath $configurations) {
        $directory = $key.GetValue('Directory')
        if ($key.PSChildName -match '^[A-Za-z0-9_.-]+$' -and $directory -is [string]) {
            Save-Instance $key.PSChildName.ToLowerInvariant() $directory
        }
    }
}
if (-not (Test-Path -Path (Join-Path $folder '*.cpf'))) { Save-Instance 'iris' 'C:\InterSystems\IRIS' }
foreach ($directory in 'C:\inetpub\CSPGateway', 'C:\WebGateway\bin') {
    Save-Line 'CSP.ini' (Select-Section (Read-Line (Join-Path $directory 'CSP.ini') 4MB $false) $Csp)
}

# --- the archive --------------------------------------------------------------------------------------------------------

$listed = @(Get-ChildItem -LiteralPath $folder -File | ForEach-Object {
    '      - {name: "' + $_.Name + '", sha256: ' + (Get-Sha256 ([IO.File]::ReadAllBytes($_.FullName))) + '}'
})
if ($listed.Count -eq 0) { throw 'nothing was found that is read; run it as an administrator' }
$lines = @('format: auditor.guest/1', 'taken:', "  - machine: `"$Name`"", "    at: $now", '    files:') + $listed
Save-Line 'manifest.yaml' $lines
if (Get-Command tar.exe -ErrorAction SilentlyContinue) {
    $archive = Join-Path $private "$Name.tar"
    & tar.exe -cf $archive -C $private $Name
    if ($LASTEXITCODE -ne 0) { throw 'tar failed' }
}
else {
    $archive = Join-Path $private "$Name.zip"
    Compress-Archive -LiteralPath $folder -DestinationPath $archive
}
if (-not (Test-Path -Path (Join-Path $folder '*.cpf'))) {
    Write-Host 'No CPF was found: this VM has no InterSystems instance, or run this as an administrator.'
}
Remove-Item -LiteralPath $folder -Recurse -Force
Write-Host 'Not gathered: the status of mirrors, which needs a session. In a terminal of the instance: %SYS>DO ^MIRROR, Mirror'
Write-Host 'Status, Display mirror status; save what it prints as mirror-status.txt, and list it in manifest.yaml.'
Write-Output $archive
