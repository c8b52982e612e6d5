//! Every message that crosses MQTT, as types with bounded sizes.
