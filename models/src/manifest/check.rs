//! What a manifest says, held against what can be.

use std::collections::BTreeSet;
use std::path::Path;

use super::{
    AudioInput, Decode, Features, ImageInput, Input, LogMel, Manifest, Output, Precision, SCHEMA, Task, Variant,
};
use crate::bundle::BundleError;
use crate::files::stays_inside;
use crate::fourier::largest_factor;

/// No tensor of a sensible model has a side longer than this.
const MAXIMUM_SIDE: usize = 1 << 14;
/// No text that a board reads or writes has more tokens.
const MAXIMUM_TOKENS: usize = 4096;
/// Steps of a Fourier transform: its length times its largest prime factor.
const SLOWEST_TRANSFORM: usize = 1 << 24;

/// Checks what the manifest's types can't.
///
/// # Errors
/// With the field, what it says, and what would do.
pub fn check(path: &Path, manifest: &Manifest) -> Result<(), BundleError> {
    Checker { path }.check(manifest)
}

/// Checks, and words what is wrong.
struct Checker<'a> {
    path: &'a Path,
}

impl Checker<'_> {
    fn check(&self, manifest: &Manifest) -> Result<(), BundleError> {
        self.demand(manifest.schema == SCHEMA, "schema", manifest.schema, "this program reads schema 1")?;
        self.check_labels(manifest)?;
        self.check_visible(manifest)?;
        manifest.variants.iter().try_for_each(|(precision, variant)| self.check_variant(*precision, variant))?;
        self.check_names(manifest)?;
        manifest.inputs.iter().try_for_each(|input| self.check_input(input))?;
        self.check_outputs(manifest)?;
        self.check_embeddings(manifest)?;
        self.check_decoding(manifest)
    }

    fn check_labels(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let labels = &manifest.labels;
        if manifest.task != Task::Classification {
            let reason = format!("a model for {} has none", manifest.task);
            return self.demand(labels.is_empty(), "labels", labels.join(", "), &reason);
        }
        self.demand(!labels.is_empty(), "labels", "empty", "a classifier needs at least one")?;
        let double = labels.iter().enumerate().find(|(index, label)| labels[..*index].contains(label));
        let label = double.map_or("", |(_, label)| label);
        self.demand(double.is_none(), "labels", label, "each label must be there once")
    }

    /// A terminal obeys control characters.
    fn check_visible(&self, Manifest { name, version, labels, .. }: &Manifest) -> Result<(), BundleError> {
        let labels = labels.iter().map(|label| ("labels", label));
        [("name", name), ("version", version)].into_iter().chain(labels).try_for_each(|(field, text)| {
            let reason = "it has a character that isn't to be seen";
            self.demand(!text.contains(char::is_control), field, format!("{text:?}"), reason)
        })
    }

    fn check_variant(&self, precision: Precision, variant: &Variant) -> Result<(), BundleError> {
        let field = |name: &str| format!("variant.{precision}.{name}");
        self.inside(&field("file"), &variant.file)?;
        let decoder = variant.decoder.as_ref();
        decoder.map_or(Ok(()), |decoder| self.inside(&field("decoder.file"), &decoder.file))?;
        let agrees = variant.precision.is_none_or(|said| said == precision);
        self.demand(agrees, &field("precision"), "another", "it must agree with the variant's name")
    }

    fn inside(&self, field: &str, file: &str) -> Result<(), BundleError> {
        self.demand(stays_inside(file), field, file, "it must be a file in the bundle's folder")
    }

    /// Each input and each output has a name of its own.
    fn check_names(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let mut names = BTreeSet::new();
        for name in manifest.inputs.iter().flat_map(Input::names) {
            self.demand(names.insert(name), "input", name, "each input must be there once")?;
        }
        let mut names = BTreeSet::new();
        for name in manifest.outputs.iter().map(Output::name) {
            self.demand(names.insert(name), "output", name, "each output must be there once")?;
        }
        Ok(())
    }

    /// Each task has outputs that it can't do without, and outputs that mean nothing to it.
    fn check_outputs(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let count = |kind: fn(&Output) -> bool| manifest.outputs.iter().filter(|output| kind(output)).count();
        let logits = count(|output| matches!(output, Output::Logits { .. }));
        let embeddings = count(|output| matches!(output, Output::Embedding { .. }));
        let states = count(|output| matches!(output, Output::State { .. }));
        let (of_logits, of_states) = (format!("{logits} of kind logits"), format!("{states} of kind state"));
        match manifest.task {
            Task::Classification => self.demand(logits == 1, "output", of_logits, "a classifier has exactly one")?,
            Task::Generation => {
                self.demand(logits == 0, "output", of_logits, "the decoder gives them: see decode.logits")?
            }
            Task::Retrieval => {
                self.demand(logits == 0, "output", of_logits, "a model for retrieval has embeddings alone")?;
                let value = format!("{embeddings} of kind embedding");
                self.demand(embeddings >= 2, "output", value, "retrieval needs two: what is looked for, and where")?;
            }
        }
        let generates = manifest.task == Task::Generation;
        self.demand(
            generates || states == 0,
            "output",
            of_states,
            "only a model for generation has a decoder that takes them",
        )
    }

    /// An embedding is the place of something that the model takes, and each has one.
    fn check_embeddings(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let (taken, mut embedded) = (manifest.modalities(), BTreeSet::new());
        for output in &manifest.outputs {
            let Output::Embedding { modality, .. } = output else { continue };
            let field = "output.modality";
            self.demand(taken.contains(modality), field, modality, "no input is of that modality")?;
            self.demand(embedded.insert(modality), field, modality, "each modality has one embedding")?;
        }
        Ok(())
    }

    fn check_decoding(&self, manifest: &Manifest) -> Result<(), BundleError> {
        let generates = manifest.task == Task::Generation;
        for (precision, variant) in &manifest.variants {
            let (field, has) = (format!("variant.{precision}.decoder"), variant.decoder.is_some());
            let value = if has { "given" } else { "missing" };
            self.demand(has == generates, &field, value, "a model for generation has one, no other has")?;
        }
        let value = if manifest.decode.is_some() { "given" } else { "missing" };
        let reason = "a model for generation has it, no other has";
        self.demand(manifest.decode.is_some() == generates, "decode", value, reason)?;
        manifest.decode.as_ref().map_or(Ok(()), |decode| self.check_decode(decode))
    }

    fn check_decode(&self, decode: &Decode) -> Result<(), BundleError> {
        self.inside("decode.tokenizer", &decode.tokenizer)?;
        self.within("decode.longest", decode.longest as f64, 1.0, MAXIMUM_TOKENS as f64)?;
        let begins = &decode.begin.0;
        self.demand(!begins.is_empty(), "decode.begin", "empty", "name what can be asked, with its first token")?;
        let mut inputs = BTreeSet::from([decode.token.as_str()]);
        let mut outputs = BTreeSet::from([decode.logits.as_str()]);
        for carried in &decode.state {
            let reason = "each input of the decoder can be one thing";
            self.demand(inputs.insert(&carried.input), "decode.state.input", &carried.input, reason)?;
            let reason = "each output of the decoder can be one thing";
            self.demand(outputs.insert(&carried.output), "decode.state.output", &carried.output, reason)?;
        }
        Ok(())
    }

    fn check_input(&self, input: &Input) -> Result<(), BundleError> {
        match input {
            Input::Image(image) => self.check_image(image),
            Input::Audio(audio) => self.check_audio(audio),
            Input::Text(text) => {
                self.inside(&format!("{}.tokenizer", text.name), &text.tokenizer)?;
                let tokens = text.max_tokens as f64;
                self.within(&format!("{}.max_tokens", text.name), tokens, 1.0, MAXIMUM_TOKENS as f64)
            }
        }
    }

    fn check_audio(&self, audio: &AudioInput) -> Result<(), BundleError> {
        let rate = f64::from(audio.sample_rate_hz);
        self.within(&format!("{}.sample_rate_hz", audio.name), rate, 1000.0, 192_000.0)?;
        self.within(&format!("{}.window_ms", audio.name), audio.window_ms.into(), 10.0, 60_000.0)?;
        match &audio.features {
            Features::Waveform {} => Ok(()),
            Features::LogMel(mel) => self.check_log_mel(&audio.name, mel, rate, audio.samples()),
        }
    }

    fn check_image(&self, image: &ImageInput) -> Result<(), BundleError> {
        let name = |field: &str| format!("{}.{field}", image.name);
        self.within(&name("width"), image.width as f64, 1.0, MAXIMUM_SIDE as f64)?;
        self.within(&name("height"), image.height as f64, 1.0, MAXIMUM_SIDE as f64)?;
        let fits = |values: &[f64]| values.len() == 1 || values.len() == image.channels.count();
        let reason = "it must have one value, or one a channel";
        self.demand(fits(&image.mean), &name("mean"), format!("{:?}", image.mean), reason)?;
        self.demand(fits(&image.std), &name("std"), format!("{:?}", image.std), reason)?;
        let finite = image.mean.iter().all(|mean| mean.is_finite());
        self.demand(finite, &name("mean"), format!("{:?}", image.mean), "it must be finite")?;
        let usable = image.scale.is_finite() && image.scale != 0.0;
        self.demand(usable, &name("scale"), image.scale, "it must be finite and not zero")?;
        let divisible = image.std.iter().all(|std| std.is_finite() && *std != 0.0);
        self.demand(divisible, &name("std"), format!("{:?}", image.std), "it must be finite and not zero")
    }

    fn check_log_mel(&self, input: &str, mel: &LogMel, rate: f64, samples: usize) -> Result<(), BundleError> {
        let name = |field: &str| format!("{input}.features.{field}");
        self.within(&name("fft"), mel.fft as f64, 2.0, 65_536.0)?;
        let quick = mel.fft * largest_factor(mel.fft) <= SLOWEST_TRANSFORM;
        self.demand(
            quick,
            &name("fft"),
            mel.fft,
            "its largest prime factor makes it slow: take a power of 2, or near it",
        )?;
        self.within(&name("bands"), mel.bands as f64, 1.0, 1024.0)?;
        for (field, in_samples, in_ms) in
            [("window", mel.window_samples, mel.window_ms), ("hop", mel.hop_samples, mel.hop_ms)]
        {
            let one = in_samples.is_some() != in_ms.is_some();
            self.demand(one, &name(field), "given twice or not at all", "give it in samples or in milliseconds")?;
        }
        self.within(&name("window_samples"), mel.window_length(rate) as f64, 1.0, mel.fft as f64)?;
        self.within(&name("hop_samples"), mel.hop_length(rate) as f64, 1.0, samples as f64)?;
        self.within(&name("low_hz"), mel.low_hz, 0.0, mel.high_hz)?;
        self.within(&name("high_hz"), mel.high_hz, mel.low_hz, rate / 2.0)?;
        let power = mel.power == 1.0 || mel.power == 2.0;
        self.demand(power, &name("power"), mel.power, "it must be 1 or 2")?;
        self.within(&name("floor"), mel.floor, f64::from(f32::MIN_POSITIVE), 1e9)?;
        self.demand(mel.mean.is_finite(), &name("mean"), mel.mean, "it must be finite")?;
        let divisible = mel.std.is_finite() && mel.std != 0.0;
        self.demand(divisible, &name("std"), mel.std, "it must be finite and not zero")?;
        let frames = mel.frames(samples, rate);
        self.demand(frames > 0, &name("fft"), mel.fft, "the window's sound is shorter than one frame")
    }

    fn within(&self, field: &str, value: f64, low: f64, high: f64) -> Result<(), BundleError> {
        self.demand((low..=high).contains(&value), field, value, &format!("it must be from {low} to {high}"))
    }

    fn demand(&self, holds: bool, field: &str, value: impl ToString, reason: &str) -> Result<(), BundleError> {
        if holds {
            return Ok(());
        }
        let (field, value, reason) = (field.to_owned(), value.to_string(), reason.to_owned());
        Err(BundleError::Field { path: self.path.to_owned(), field, value, reason })
    }
}
