//! A manifest held against the graph that it describes.

use std::path::Path;

use crate::error::ModelError;
use crate::graph::{Graph, Port};
use crate::manifest::{Features, Input, Layout, Manifest, Output, Task};

/// Checks a manifest against the graph that it describes.
pub(crate) struct Fit<'a> {
    pub path: &'a Path,
    pub graph: &'a Graph,
}

impl Fit<'_> {
    /// Whether they agree.
    ///
    /// # Errors
    /// With the field, what it says, and what the graph has.
    pub fn check(&self, manifest: &Manifest) -> Result<(), ModelError> {
        manifest.inputs.iter().try_for_each(|input| self.check_input(input))?;
        for port in self.graph.inputs() {
            let described = manifest.inputs.iter().flat_map(Input::names).any(|name| name == port.name);
            self.demand(described, "input", "nothing of it", &format!("an input `{}`", port.name))?;
        }
        manifest.outputs.iter().try_for_each(|output| self.check_output(output, manifest.labels.len()))?;
        if manifest.task == Task::Retrieval { self.check_embeddings(manifest) } else { Ok(()) }
    }

    /// What is compared has to be of one length.
    fn check_embeddings(&self, manifest: &Manifest) -> Result<(), ModelError> {
        let mut first: Option<&Port> = None;
        for output in manifest.outputs.iter().filter(|output| matches!(output, Output::Embedding { .. })) {
            let port = self.port(self.graph.outputs(), output.name(), "output")?;
            let first = first.get_or_insert(port);
            let says = format!("an embedding to be compared with `{}` of shape {:?}", first.name, first.shape);
            let has = format!("shape {:?}", port.shape);
            self.demand(port.values() == first.values(), &format!("output.{}", port.name), &says, &has)?;
        }
        Ok(())
    }

    fn check_input(&self, input: &Input) -> Result<(), ModelError> {
        for name in input.names() {
            let port = self.port(self.graph.inputs(), name, "input")?;
            let field = format!("input.{name}");
            self.same_shape(&field, &shape_of(input), port)?;
            let words = matches!(input, Input::Text(_));
            let has = format!("numbers of type {} for `{name}`", port.data_type());
            self.demand(!words || port.is_integer(), &field, "token ids, whole numbers", &has)?;
        }
        Ok(())
    }

    fn check_output(&self, output: &Output, labels: usize) -> Result<(), ModelError> {
        let port = self.port(self.graph.outputs(), output.name(), "output")?;
        let field = format!("output.{}", output.name());
        match output {
            Output::Logits { .. } => self.same_shape("labels", &[labels], port),
            Output::Attention { modalities, .. } => self.same_shape(&field, &[modalities.len()], port),
            Output::Embedding { .. } | Output::State { .. } => Ok(()),
        }
    }

    /// The port of this name among `ports`.
    pub fn port<'a>(&self, ports: &'a [Port], name: &str, field: &str) -> Result<&'a Port, ModelError> {
        let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let graph = format!("only {}", names.join(", "));
        ports.iter().find(|port| port.name == name).ok_or_else(|| self.contradiction(field, name.to_owned(), graph))
    }

    /// The same dimensions, those of length 1 aside: batch and channel may or may not be there.
    pub fn same_shape(&self, field: &str, expected: &[usize], port: &Port) -> Result<(), ModelError> {
        let long = |shape: &[usize]| shape.iter().copied().filter(|&length| length != 1).collect::<Vec<_>>();
        let holds = long(expected) == long(&port.shape);
        self.demand(
            holds,
            field,
            &format!("shape {expected:?}"),
            &format!("shape {:?} for `{}`", port.shape, port.name),
        )
    }

    /// A contradiction unless it `holds`.
    pub fn demand(&self, holds: bool, field: &str, manifest: &str, graph: &str) -> Result<(), ModelError> {
        if holds { Ok(()) } else { Err(self.contradiction(field, manifest.to_owned(), graph.to_owned())) }
    }

    fn contradiction(&self, field: &str, manifest: String, graph: String) -> ModelError {
        ModelError::Contradiction { path: self.path.to_owned(), field: field.to_owned(), manifest, graph }
    }
}

/// An input's shape as the manifest has it, without the batch.
pub(crate) fn shape_of(input: &Input) -> Vec<usize> {
    match input {
        Input::Image(image) if image.layout == Layout::Nchw => vec![image.channels.count(), image.height, image.width],
        Input::Image(image) => vec![image.height, image.width, image.channels.count()],
        Input::Audio(audio) => match &audio.features {
            Features::Waveform {} => vec![audio.samples()],
            Features::LogMel(mel) => mel.shape(audio.samples(), audio.sample_rate_hz).to_vec(),
        },
        Input::Text(text) => vec![text.max_tokens],
    }
}
