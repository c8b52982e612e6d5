# What the agent takes on the board: idle, then with a model; runs as root under the board's systemd.
share=/run/board/share

tell() { echo "{\"kind\":\"$1\",$2}" >>$share/events; }
bytes_of() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" "$2"; }

# sample KIND SECONDS: RSS and PSS in kB, each second.
sample() {
    pid=$(systemctl show edgeval --property=MainPID --value)
    for _ in $(seq "$2"); do
        sleep 1
        tell "$1" "\"rss_kb\":$(bytes_of Rss /proc/"$pid"/smaps_rollup),\"pss_kb\":$(bytes_of Pss /proc/"$pid"/smaps_rollup),\"anonymous_kb\":$(bytes_of Anonymous /proc/"$pid"/smaps_rollup)"
    done
}

measure() {
    cp "$share/$1.toml" /etc/edgeval/agent.toml
    systemctl start edgeval
    sleep 20
    sample "$1" 40
    systemctl stop edgeval
}

dpkg --install $share/edgeval.deb >$share/dpkg.log 2>&1
measure idle
measure working
tell end "\"status\":0"
