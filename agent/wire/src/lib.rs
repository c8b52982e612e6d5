//! Every message that crosses MQTT, as types with bounded sizes.
//!
//! The same types are written as JSON and as postcard. A reading that could not be taken is absent and says why
//! ([`Reading`], [`Figure`]); it is never zero. Names carry their unit. A JSON reader ignores fields that it doesn't
//! know, and none is renamed within a schema number; a postcard payload belongs to exactly one schema number, so any
//! change of fields makes a new one.

mod command;
mod device;
mod evaluation;
mod live;
mod message;
mod parts;
mod reading;
mod report;
mod schema;
mod topic;

pub use command::{
    BenchCommand, CancelCommand, Command, CommandError, CommandId, CommandName, CommandReason, CommandResult,
    CommandState, EvaluateCommand, IntervalCommand, MAX_COMMAND_BYTES, MAX_QUEUED, ModelCommand, Nothing, Progress,
    Running, Status,
};
pub use device::Device;
pub use evaluation::{DimensionRow, Dimensions, EvaluationReport, NamedFigure};
pub use live::{
    CameraHealth, Live, MicrophoneHealth, Modality, ModalityWeight, OutboxState, Predicted, PublisherStats, Refusals,
    SensorState,
};
pub use message::{Availability, DecodeError, EncodeError, MAX_MESSAGE_BYTES, Message, MessageKind};
pub use parts::{Latency, Memory, ModelIdentity, Processor, Skew, Stages, StartUp, Text, text};
pub use reading::{Figure, Quantity, Reading, Reason};
pub use report::{
    AccuracyReport, AgentCost, BenchReport, BoardState, Body, Condition, DeviceName, DriftReport, Energy, FieldReport,
    Header, ModelMemory, Power, Report, SetIdentity, Validity, ValidityReason,
};
pub use schema::{Encoding, SCHEMA, Schema};
pub use topic::{Address, Channel, Name, Quality, ReportKind, Topic, TopicError};
