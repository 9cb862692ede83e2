//! What can be changed of evidence and of what it is about.

use std::path::PathBuf;

use zktee_core::protocol::{Completion, Finish, Generation};
use zktee_core::tensor::Tensor;
use zktee_core::vocabulary::CellId;

/// What is changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing: the control, which must be taken.
    Nothing,
    /// One bit of the evidence, so far into it.
    Flip { percent: usize },
    /// The evidence without its last bytes.
    CutTo { percent: usize },
    /// Bytes after the evidence.
    Append(&'static [u8]),
    /// No evidence at all.
    Empty,
    /// Another output is claimed.
    Output,
    /// Another input is claimed.
    Input,
    /// Inputs and right outputs of another order: honest evidence about something else.
    Replay,
    /// One thing of what a language model was asked is another.
    Asked(Asked),
    /// One thing of what a language model said is another.
    Said(Said),
    /// The evidence of another sample of the same cell.
    OtherSample { evidence: PathBuf },
    /// The evidence was asked for with another nonce.
    Nonce,
    /// The verifier's files of another cell.
    Key { of: CellId, folder: PathBuf },
}

/// What a language model is asked, part by part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asked {
    Prompt,
    MaxTokens,
    Temperature,
    Seed,
}

/// What a language model says, part by part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said {
    PromptToken,
    Token,
    Text,
    Finish,
}

impl Asked {
    pub(super) const ALL: [Self; 4] = [Self::Prompt, Self::MaxTokens, Self::Temperature, Self::Seed];

    const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "other-prompt",
            Self::MaxTokens => "other-max-tokens",
            Self::Temperature => "other-temperature",
            Self::Seed => "other-seed",
        }
    }

    pub(super) fn change(self, asked: &mut Generation) {
        match self {
            Self::Prompt => asked.prompt.push('.'),
            Self::MaxTokens => asked.max_tokens += 1,
            Self::Temperature => asked.temperature += 0.5,
            Self::Seed => asked.seed ^= 1,
        }
    }
}

impl Said {
    pub(super) const ALL: [Self; 4] = [Self::PromptToken, Self::Token, Self::Text, Self::Finish];

    const fn name(self) -> &'static str {
        match self {
            Self::PromptToken => "other-prompt-token",
            Self::Token => "other-token",
            Self::Text => "other-text",
            Self::Finish => "other-finish",
        }
    }

    pub(super) fn change(self, said: &mut Completion) {
        let flip = |tokens: &mut Vec<u32>| match tokens.last_mut() {
            Some(last) => *last ^= 1,
            None => tokens.push(0),
        };
        match self {
            Self::PromptToken => flip(&mut said.prompt_tokens),
            Self::Token => flip(&mut said.tokens),
            Self::Text => said.text.push('.'),
            Self::Finish => said.finish = if said.finish == Finish::Stop { Finish::Length } else { Finish::Stop },
        }
    }
}

impl Change {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Nothing => "control".to_owned(),
            Self::Flip { percent } => format!("evidence-flip-{percent}%"),
            Self::CutTo { percent } => format!("evidence-cut-to-{percent}%"),
            Self::Append(bytes) => format!("evidence-append-{}-bytes-{:02x}", bytes.len(), bytes[0]),
            Self::Empty => "evidence-empty".to_owned(),
            Self::Output => "other-output".to_owned(),
            Self::Input => "other-input".to_owned(),
            Self::Replay => "replay-for-other-inputs".to_owned(),
            Self::Asked(asked) => asked.name().to_owned(),
            Self::Said(said) => said.name().to_owned(),
            Self::OtherSample { .. } => "evidence-of-another-sample".to_owned(),
            Self::Nonce => "other-nonce".to_owned(),
            Self::Key { of, .. } => format!("key-of-{of}"),
        }
    }

    /// Whether what is changed is what the evidence says, and not only how it is written.
    pub(super) const fn changes_statement(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Flip { .. } | Self::CutTo { .. } | Self::Append(_) | Self::Empty)
    }

    /// Whether a verifier may have kept what is changed from an earlier request: it then gets a process of its own.
    pub(super) const fn needs_own_process(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}

/// The evidence's bytes after a change of bytes.
pub(super) fn forged(change: &Change, mut bytes: Vec<u8>) -> Vec<u8> {
    match change {
        Change::Flip { percent } => {
            let at = bytes.len() * percent / 100;
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (percent % 8);
            }
        }
        Change::CutTo { percent } => bytes.truncate(bytes.len() * percent / 100),
        Change::Append(more) => bytes.extend_from_slice(more),
        Change::Empty => bytes.clear(),
        _ => {}
    }
    bytes
}

/// Beyond any tolerance of rounding.
pub(super) fn change_output(outputs: &mut Tensor) {
    let scale = outputs.data.iter().fold(1.0f32, |most, x| most.max(x.abs()));
    if let Some(first) = outputs.data.first_mut() {
        *first += scale;
    }
}

/// To the other end of the inputs' range: beyond any tolerance of rounding.
pub(super) fn change_input(inputs: &mut Tensor) {
    let (low, high) = inputs.data.iter().fold((0.0f32, 0.0f32), |(low, high), x| (low.min(*x), high.max(*x)));
    let middle = f32::midpoint(low, high);
    if let Some(first) = inputs.data.first_mut() {
        *first = if *first > middle { low } else { high };
    }
}

/// Moves every row by one, the last to the front.
pub(super) fn rotate(tensor: &mut Tensor) {
    let length = tensor.data.len();
    let width = length / tensor.rows().max(1);
    tensor.data.rotate_right(width.min(length));
}
