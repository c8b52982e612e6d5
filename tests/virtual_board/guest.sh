# What the virtual board's scenario is written in. Events go to the second serial port, a JSON object a line.
events=/dev/ttyS1
timings=cvt,width=800,height=600,fps=30
camera=/dev/v4l/by-id/board-camera
driver=/sys/bus/platform/drivers/vivid
microphone=/proc/asound/card0/pcm1c/sub0/status

# CLOCK_MONOTONIC in milliseconds, to ten.
now_ms() {
    read -r uptime _ </proc/uptime
    echo "${uptime%.*}${uptime#*.}0"
}

# tell KIND [MORE JSON FIELDS]
tell() { echo "{\"kind\":\"$1\",\"at_ms\":$(now_ms)${2:+,$2}}" >$events; }

# until_true SECONDS COMMAND…: waits until the command succeeds; tells when it doesn't in time.
until_true() {
    deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        if [ "$(now_ms)" -gt "$deadline" ]; then tell gave_up "\"waiting_for\":\"$*\""; return 1; fi
        sleep 0.05
    done
}

# The output looped to the camera, at a size and rate that emulation keeps up with. The link under which the agent
# knows the camera comes last, so that the agent never opens one that isn't set up.
set_up_camera() {
    until_true 5 test -c /dev/video1
    v4l2-ctl -d /dev/video0 --set-dv-bt-timings $timings
    v4l2-ctl -d /dev/video1 --set-dv-bt-timings $timings
    # A frame holds what is shown when its exposure starts, so that is what it is stamped with.
    v4l2-ctl -d /dev/video0 --set-ctrl loop_video=1,timestamp_source=1
    mkdir -p ${camera%/*}
    ln -sf /dev/video0 $camera
} >/dev/null 2>&1

start_agent() {
    tell agent_starts
    edgeval run --config /board/agent.toml >/dev/console 2>&1 &
    agent=$!
    until_true 30 grep -q RUNNING $microphone
    tell agent_listens
}

stop_agent() {
    before=$(now_ms)
    kill -TERM $agent
    wait $agent
    status=$?
    tell agent_stopped "\"took_ms\":$(($(now_ms) - before)),\"status\":$status"
}

# start_players SCHEDULE: its time 0 is a whole second of CLOCK_MONOTONIC, where the agent's windows begin too.
start_players() {
    start_ms=$((($(now_ms) + 2500) / 1000 * 1000))
    tell schedule "\"name\":\"$1\",\"start_ms\":$start_ms"
    player sound "/board/$1" $start_ms >$events &
    sounds=$!
    start_pictures "$1"
}

start_pictures() {
    player picture "/board/$1" $start_ms >$events &
    pictures=$!
}

wait_for_players() { wait $sounds $pictures; }

take_camera_away() {
    kill $pictures
    wait $pictures
    tell camera_goes
    rm $camera
    echo vivid.0 >$driver/unbind
}

bring_camera_back() {
    echo vivid.0 >$driver/bind
    tell camera_comes
    set_up_camera
}

# A moment's pause in what is played, in seconds.
pass() { sleep "$1"; }

# How much processor time everything took, in hundredths of a second.
tell_load() {
    read -r _ user _ system idle _ </proc/stat
    tell load "\"user\":$user,\"system\":$system,\"idle\":$idle"
}
