# The set-up that scripts/run, scripts/test and scripts/lint share; they source it, nobody runs it.
#
# It makes .venv in the repository with what one file of requirements/ pins, and the project itself, editable.
# What is in .venv is told by files in it:
#   .botkit-unfinished  is there while somebody installs; found at a start, it means that somebody was stopped
#   .botkit-home        the repository, and the BOTKIT_PYTHON, that .venv was made for
#   .botkit-NAME        what requirements/NAME.txt and pyproject.toml were when they were installed; written last

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
venv=$root/.venv
lock=$root/.venv.lock
unfinished=$venv/.botkit-unfinished
log=$root/.venv.log
python=
child=

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# Prints the version of Python $1; fails where it does not start or is older than 3.11.
python_version() {
    "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Sets `python` to a Python >= 3.11, or says which one is missing.
find_python() {
    found=
    set -- python3 python3.11 python3.12 python3.13 python3.14 python
    [ -n "${BOTKIT_PYTHON-}" ] && set -- "$BOTKIT_PYTHON"
    for python; do
        version=$(python_version "$python") && return
        found=${found:-$version}
    done
    fix='Install one, or name one: BOTKIT_PYTHON=/path/to/python3'
    [ -n "$found" ] && fail "needs Python 3.11 or newer; this is $found. $fix"
    [ -n "${BOTKIT_PYTHON-}" ] && fail "needs Python 3.11 or newer; BOTKIT_PYTHON=$BOTKIT_PYTHON does not start."
    fail "needs Python 3.11 or newer; there is no python3 on PATH. $fix"
}

# What the stamp of requirements/$1.txt must say for it to count as installed here.
wanted() {
    printf '%s\n' "$root"
    cksum <"$root/requirements/$1.txt"
    cksum <"$root/pyproject.toml"
}

is_installed() {
    [ -x "$venv/bin/python" ] && [ ! -e "$unfinished" ] || return 1
    [ "$(cat "$venv/.botkit-$1" 2>/dev/null)" = "$(wanted "$1")" ] || return 1
    [ -z "${BOTKIT_PYTHON-}" ] || is_usable
}

# The lock is a directory, since making one either succeeds or fails for exactly one of two. Its file `pids` names its
# owner and the installer that the owner waits for: while one of them lives, .venv is being written.
take_lock() {
    waited=0
    nameless=0
    until mkdir "$lock" 2>/dev/null; do
        [ -d "$lock" ] || [ -w "$root" ] || fail "cannot write in $root, where .venv belongs."
        take_over && return
        [ "$waited" -eq 0 ] && echo "Another start is installing into .venv; waiting for it." >&2
        waited=$((waited + 1))
        [ "$waited" -gt 600 ] && fail "waited ten minutes. If nothing else installs here: rm -r '$lock'"
        sleep 1
    done
    echo $$ >"$lock/pids"
}

# Takes the lock of an owner that died. Of several that try, one makes `heir`; the owner may have changed until then.
take_over() {
    owner_is_dead && mkdir "$lock/heir" 2>/dev/null || return 1
    if owner_is_dead; then
        echo $$ >"$lock/pids"
        rmdir "$lock/heir"
        return 0
    fi
    rmdir "$lock/heir"
    return 1
}

# An owner without a pid has only just made the lock, unless that lasts.
owner_is_dead() {
    pids=$(cat "$lock/pids" 2>/dev/null)
    if [ -n "$pids" ]; then nameless=0; else nameless=$((nameless + 1)); fi
    [ "$nameless" -eq 0 ] || [ "$nameless" -gt 5 ] || return 1
    for pid in $pids; do
        [ "$pid" != $$ ] && kill -0 "$pid" 2>/dev/null && return 1
    done
    return 0
}

release() {
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
    rm -rf "$lock"
}

# Runs a command with its output in the log, killed when this script is: a shell waits for a command in front.
quietly() {
    "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    echo "$$ $child" >"$lock/pids"
    wait "$child"
    status=$?
    child=
    return "$status"
}

# Whether .venv can be kept: made here, by the Python asked for, and not left half-way.
is_usable() {
    [ ! -e "$unfinished" ] && python_version "$venv/bin/python" >/dev/null || return 1
    [ -e "$venv/.botkit-home" ] || return 0
    {
        read -r made_in
        read -r made_by
    } <"$venv/.botkit-home"
    [ "$made_in" = "$root" ] && [ "${BOTKIT_PYTHON:-$made_by}" = "$made_by" ]
}

make_venv() {
    rm -rf "$venv"
    mkdir "$venv" && : >"$unfinished" || fail "cannot write in $root, where .venv belongs."
    quietly "$python" -m venv --without-pip "$venv" || give_up
    printf '%s\n' "$root" "${BOTKIT_PYTHON-}" >"$venv/.botkit-home"
}

# Installs with uv where there is one, else, or where uv is set up for another index, with pip.
install() {
    if command -v uv >/dev/null; then
        quietly uv pip install --quiet --python "$venv/bin/python" "$@" && return
        echo "uv failed; trying pip" >>"$log"
    fi
    # -I: what the user's PYTHONPATH holds does not count as installed.
    "$venv/bin/python" -I -c 'import pip' 2>/dev/null ||
        quietly "$venv/bin/python" -I -m ensurepip --upgrade --default-pip || give_up
    quietly "$venv/bin/python" -I -m pip install --quiet --no-input --disable-pip-version-check "$@" || give_up
}

give_up() {
    echo "failed" >&2
    tail -n 20 "$log" >&2
    if ! "${python:-$venv/bin/python}" -c 'import ensurepip, venv' 2>/dev/null; then
        minor=$("${python:-$venv/bin/python}" -c 'import sys; print("3.%d" % sys.version_info[1])')
        fail "Python cannot fill a virtual environment without ensurepip.
  fix: apt-get install python3-venv (or python$minor-venv), or what your system calls it"
    fi
    fail "could not prepare .venv; the whole story is in $log. The next start tries again."
}

# What is about to happen, with the number of packages this system needs.
announce() {
    count=$(grep '==' "$root/requirements/$name.txt" | grep -vc "sys_platform == 'win32'")
    if [ ! -d "$venv" ]; then
        printf 'First run: creating .venv and installing %s packages ... ' "$count"
    elif [ -e "$unfinished" ] || ! is_usable; then
        printf 'Making .venv anew and installing %s packages ... ' "$count"
    elif [ ! -e "$venv/.botkit-$name" ] && [ "$name" = test ]; then
        printf 'First run: adding the test tools ... '
    else
        printf 'Bringing .venv to the %s packages of requirements/%s.txt ... ' "$count" "$name"
    fi
}

fill_venv() {
    started=$(date +%s)
    is_usable || find_python
    : >"$log"
    announce >&2
    is_usable || make_venv
    : >"$unfinished"
    install --require-hashes -r "$root/requirements/$name.txt"
    # The project itself has no hash. Its build tools are among the pinned, so it builds without fetching others.
    install --no-deps --no-build-isolation -e "$root"
    # What the tests need includes what a run needs.
    [ "$name" = run ] || wanted run >"$venv/.botkit-run"
    wanted "$name" >"$venv/.botkit-$name"
    rm -f "$unfinished" "$log"
    echo "done in $(($(date +%s) - started)) s" >&2
}

# Leaves with .venv holding what requirements/$1.txt says. A start that finds it so costs a few milliseconds.
set_up() {
    name=$1
    unset PYTHONHOME
    is_installed "$name" && return
    take_lock
    trap release EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    is_installed "$name" || fill_venv
    release
    trap - EXIT INT TERM HUP
}
