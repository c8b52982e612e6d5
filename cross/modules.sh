# Kernel modules of the virtual boards: what makes a board packs them, the board's first process loads them, and both read this file.

# pack_modules KERNEL_FOLDER ROOT MODULE…: the drivers that every board has, and these, with what they need, into ROOT/modules.
# KERNEL_FOLDER is fetch-kernel's. modprobe must be on the PATH.
pack_modules() {
    local kernel=$1 root=$2 version module path
    shift 2
    version=$(cat "$kernel/version")
    mkdir -p "$root/modules"
    for module in virtio_pci virtio_net virtio_blk af_packet ext4 "$@" vivid snd-aloop; do
        modprobe -d "$(realpath "$kernel/tree")" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++' | while read -r path; do
        cp "$path" "$root/modules/"
        basename "$path"
    done >"$root/modules/order"
}

# One camera and one output, both HDMI, so that the output can be looped to the camera (bit masks are per node), and a sound card.
options_of() {
    case $1 in
        vivid.ko) echo num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1 node_types=0x101 no_error_inj=1 ;;
        snd-aloop.ko) echo id=Loopback pcm_substreams=1 ;;
    esac
}

# Loads what was packed, in its order.
load_modules() {
    while read -r module; do
        insmod "/modules/$module" $(options_of "$module") || echo "board: $module doesn't load"
    done </modules/order
}
