#!/usr/bin/env bats
# ps: table, template, JSON, filters.

load helper/common

setup() {
    common_setup
    need busybox
    ok run -d --name up --network none --label tier=web --label plain "$IMAGE" sleep 600
    UP=$output
    ok run --name down --network none --label tier=db "$IMAGE" sh -c 'true' arg
    ok create --name new --network none "$IMAGE" true
}

@test "ps: table of what runs" {
    ok ps
    [[ "${lines[0]}" =~ ^CONTAINER\ ID\ +IMAGE\ +COMMAND\ +CREATED\ +STATUS\ +PORTS\ +NAMES$ ]] || explain "header"
    [[ "${lines[1]}" =~ ^"${UP:0:12} "\ +"$IMAGE:latest"\ +"sleep 600"\ +.*" ago"\ +"Up ".*\ +up$ ]] || explain "row"
    equal "${#lines[@]}" 2
}

@test "ps -a: all, oldest first" {
    ok ps -a --noheading --format '{{.Names}}'
    says $'up\ndown\nnew'
    ok ps -a
    [[ "${lines[2]}" == *"Exited (0) "* ]] || explain "exited"
    [[ "${lines[3]}" == *"Created"* ]] || explain "created"
}

@test "ps -q, --no-trunc" {
    ok ps -q
    says "${UP:0:12}"
    ok ps -q --no-trunc
    says "$UP"
    ok ps -q --format '{{.Names}}'
    says up
    ok ps -q --format table
    says "${UP:0:12}"
    ok ps -aq --format json
    equal "$(jq length <<<"$output")" 3
}

@test "ps --format: fields that are empty here" {
    ok ps --format '<{{.CGROUPNS}}{{.IPC}}{{.MNT}}{{.NET}}{{.PIDNS}}{{.UTS}}{{.USERNS}}{{.Cgroup}}{{.Size}}>'
    says "<>"
    ok ps -a --filter name=new --format '{{.Labels}} {{.Mounts}} <{{index .Labels "a"}}> {{json .Labels}}'
    says "map[] [] <> null"
}

@test "ps --format: the time of creation is exact, the table has the age" {
    local created
    created=$(mcpd inspect --format '{{.Created}}' up)
    ok ps --format '{{.Created}}|{{.CreatedAt}}'
    says "$created|$created"
    [[ "$created" =~ ^20[0-9-]+\ [0-9:]+(\.[0-9]+)?\ \+0000\ UTC$ ]] || explain "Go's time"
    ok ps --format '{{.CreatedHuman}}|{{.RunningFor}}'
    [[ "$output" == *" ago|"*" ago" ]] || explain "ages"
    ok ps -a --sort created --format '{{.Names}} {{.CreatedAt}}'
    equal "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ')" "up down new "
    ok ps --format json
    jq -e '.[0] | has("CreatedTime") | not' <<<"$output"
}

@test "ps --format: template and table" {
    ok ps --format '{{.ID}} {{.Image}} {{.Names}}'
    says "${UP:0:12} $IMAGE:latest up"
    ok ps --format 'table {{.Names}} {{.Status}}'
    [[ "${lines[0]}" =~ ^NAMES\ +STATUS$ ]] || explain "header"
    ok ps --format '{{.Names}}\t{{.Image}}'
    says $'up\t'"$IMAGE:latest"
    fails 125 ps --format '{{.NoSuchField}}'
    fails 125 ps --format '{{.Names'
}

@test "ps --format json: podman's fields" {
    ok ps -a --format json
    jq -e --arg id "$UP" --arg image "$IMAGE:latest" 'length == 3 and (.[0] | .Id == $id and .Names == ["up"]
        and .Image == $image and .Command == ["sleep","600"] and .State == "running" and .Exited == false
        and .Labels.tier == "web" and .Pid > 1 and .AutoRemove == false and ((.Mounts // []) == [])
        and (.StartedAt > 1700000000) and (.Created > 1700000000) and .ExitCode == 0
        and ((.Networks // []) == []) and (.ImageID | test("^[0-9a-f]{64}$")))' <<<"$output"
    jq -e '.[1] | .State == "exited" and .Exited == true and .ExitCode == 0 and .Pid == 0
        and .ExitedAt > 1700000000' <<<"$output"
    jq -e '.[2] | .State == "created" and .StartedAt == -62135596800' <<<"$output"
}

@test "ps --format json: empty" {
    ok rm -f -t 0 up down new
    ok ps -a --format json
    equal "$(jq -c . <<<"$output")" "[]"
}

@test "ps --filter" {
    local filter expected
    while IFS='|' read -r filter expected; do
        ok ps -a --filter "$filter" --format '{{.Names}}'
        equal "$(tr '\n' ' ' <<<"$output")" "$expected "
    done <<'CASES'
name=up|up
status=exited|down
status=created|new
label=tier|up down
label=tier=db|down
label=plain|up
CASES
    ok ps -a --filter "id=${UP:0:6}" --format '{{.Names}}'
    says up
    ok ps -a --filter "ancestor=$IMAGE:latest" -q
    equal "${#lines[@]}" 3
    ok ps -a --filter label=tier --filter status=running --format '{{.Names}}'
    says up
    ok ps -a --filter until=1h -q
    says ""
    ok ps -a --filter exited=0 --filter name=new --filter name=down --format '{{.Names}}'
    says down
    fails 125 ps --filter nosuch=x
    fails 125 ps --filter novalue
}

@test "ps --filter volume=: by its source, its place, both; stop and rm take it too" {
    mkdir "$T/a" "$T/b"
    ok create --name va --network none -v "$T/a:/in/a" "$IMAGE" true
    ok run -d --name vb --network none -v "$T/b:/in/b:ro" -v "$T/a:/in/c" "$IMAGE" sleep 600
    ok ps -a --filter volume="$T/a" --format '{{.Names}}'
    says $'va\nvb'
    ok ps -a --filter volume=/in/b --format '{{.Names}}'
    says vb
    ok ps -a --filter volume="$T/a:/in/a" --filter volume="$T/a:/none" --format '{{.Names}}'
    says va
    ok ps -a --filter volume=/nosuch -q
    says ""
    ok ps -a --filter volume=/in/b --format json
    jq -e '.[0] | .Mounts == ["/in/b", "/in/c"] and (has("MountPoints") | not)' <<<"$output"
    ok rm -f -t 0 --filter volume="$T/a"
    equal "${#lines[@]}" 2
}

@test "ps --format: conditions and loops" {
    ok ps -a --format '{{if eq .State "running"}}+{{else}}-{{end}}{{.Names}} {{range $k, $v := .Labels}}{{$k}}={{printf "%q" $v}};{{end}}'
    says $'+up plain="";tier="web";\n-down tier="db";\n-new '
    ok ps -a --format 'table {{.Names}}\t{{if .Labels}}{{index .Labels "tier"}}{{end}}'
    [[ "${lines[0]}" =~ ^NAMES\ +LABELS$ ]] || explain "header"
    [[ "${lines[1]}" =~ ^up\ +web$ ]] || explain "row"
    fails 125 ps --format '{{frob .Names}}'
    error_is 'Error: template: ps:1: function "frob" not defined'
    fails 125 ps --format '{{range .Names}}'
    error_is 'Error: template: ps:1: unexpected EOF'
}

@test "ps: a damaged record is named and harms only itself" {
    local id
    id=$(mcpd inspect --format '{{.Id}}' down)
    cp "$T/root/containers/$id/spec.json" "$T/saved"
    : >"$T/root/containers/$id/spec.json"
    ok ps -a --format '{{.Names}}'
    has up
    has new
    [[ "$stderr" == *"$id"* ]] || explain "not named"
    cp "$T/saved" "$T/root/containers/$id/spec.json"
}
