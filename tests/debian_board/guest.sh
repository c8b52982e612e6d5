# What the board does, step by step; runs as root under the board's systemd. Each step waits for the host's word
# (a file `go-STEP` in the shared folder) and tells what came of it (a JSON object a line in `events`).
share=/run/board/share
timings=cvt,width=800,height=600,fps=30

now_ms() { read -r uptime _ </proc/uptime; echo "${uptime%.*}${uptime#*.}0"; }
tell() { echo "{\"kind\":\"$1\",\"at_ms\":$(now_ms)${2:+,$2}}" >>$share/events; }
wait_for() { until [ -e "$share/go-$1" ] || [ -e $share/go-end ]; do sleep 0.2; done; }
property() { systemctl show edgeval --property="$1" --value; }
tell_unit() { tell "$1" "\"state\":\"$(property ActiveState)\",\"restarts\":$(property NRestarts),\"result\":\"$(property Result)\""; }

set_up_camera() {
    until [ -c /dev/video1 ]; do sleep 0.2; done
    v4l2-ctl -d /dev/video0 --set-dv-bt-timings $timings
    v4l2-ctl -d /dev/video1 --set-dv-bt-timings $timings
} >/dev/null 2>&1

install_package() {
    dpkg --install $share/edgeval.deb >$share/dpkg.log 2>&1
    tell installed "\"status\":$?"
    cp $share/ca.pem $share/agent.toml /etc/edgeval/
    chmod 644 /etc/edgeval/ca.pem /etc/edgeval/agent.toml
    cp $share/password /etc/edgeval/password
    chmod 600 /etc/edgeval/password
    mkdir -p /etc/systemd/system/edgeval.service.d
    cp $share/test.conf /etc/systemd/system/edgeval.service.d/
    systemctl daemon-reload
}

start() {
    systemctl enable --now edgeval >/dev/null 2>&1
    tell_unit started
}

look_around() {
    tell security "\"exposure\":$(systemd-analyze security edgeval --no-pager | sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')"
    tell user "\"name\":\"$(stat -c %U "/proc/$(property MainPID)")\""
    tell memory "\"bytes\":$(property MemoryCurrent)"
    tell cpu "\"features\":\"$(sed -n 's/^Features[^:]*: //p' /proc/cpuinfo | head -n 1)\""
}

# A changed interval is taken up by the process that runs.
reload() {
    before=$(property MainPID)
    sed -i 's/^live_interval_ms = .*/live_interval_ms = 500/' /etc/edgeval/agent.toml
    systemctl reload edgeval
    tell reloaded "\"status\":$?,\"before\":$before,\"after\":$(property MainPID)"
}

# A camera that goes and comes back is no reason to restart, even after the watchdog's time.
camera_away() {
    echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
    tell_unit camera_gone
    wait_for camera_back
    echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
    set_up_camera
    tell_unit camera_back
}

# A process that no longer comes round is one that the watchdog ends.
get_stuck() {
    kill -STOP "$(property MainPID)"
    tell_unit stuck
}

# By systemd's clock from "stopping" to "stopped": its own tools take as long again on an emulated processor.
stop() {
    systemctl stop edgeval
    tell_unit stopped
    from_us=$(property ActiveExitTimestampMonotonic)
    to_us=$(property InactiveEnterTimestampMonotonic)
    tell stop_took "\"ms\":$(((to_us - from_us) / 1000))"
}

set_up_camera
install_package
start
wait_for look_around && look_around
wait_for reload && reload
wait_for camera_away && camera_away
wait_for get_stuck && get_stuck
wait_for stop && tell_unit before_stop && stop
journalctl --unit=edgeval --output=json --no-pager >$share/journal.json
tell end
wait_for end
