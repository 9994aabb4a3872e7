//! The tools: their names, what they take, and what of it the worker is asked for.
//!
//! What a client passes is data from outside. Numbers and statuses among it are [claims](Claims): compared, never believed.

use rmcp::ErrorData;
use rmcp::handler::server::common::schema_for_input;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sprag_agent::Note;
use sprag_judge::Direction;

/// A call that was understood.
pub(crate) enum Call {
    /// Answered at once, whatever is measured.
    Status,
    /// Answered at once, whatever is measured.
    Brief,
    /// Answered by the worker.
    Ask(Box<Ask>),
}

/// What the worker is asked for.
pub(crate) enum Ask {
    Init(InitExperiment),
    Begin,
    Bench,
    /// `by` is what the client calls itself.
    Submit {
        note: Note,
        claims: Claims,
        by: String,
    },
    Park(Note),
}

impl Ask {
    /// What somebody reads who asks what is under way.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Ask::Init(_) | Ask::Begin => "begin_experiment",
            Ask::Bench => "bench",
            Ask::Submit { .. } => "submit_experiment",
            Ask::Park(_) => "add_idea",
        }
    }
}

/// What a client says that only a measurement can say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Claims {
    pub(crate) metric: Option<f64>,
    pub(crate) status: Option<String>,
    pub(crate) commit: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
struct Nothing {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
struct SubmitExperiment {
    /// What was changed, in one line.
    description: String,
    /// Why it should be faster or smaller.
    #[serde(default)]
    hypothesis: Option<String>,
    /// What these rules forbid and later ones may allow, a line each.
    #[serde(default)]
    ideas: Vec<String>,
    /// Whatever else the next try should know: findings, dead ends, what to do next.
    #[serde(default)]
    asi: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rmcp::schemars")]
struct AddIdea {
    /// The idea, in one line.
    text: String,
    /// Why it has to wait.
    #[serde(default)]
    why: Option<String>,
}

/// What pi's agents pass. The contract says the same, and counts.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(crate) struct InitExperiment {
    /// The session's name. Sprag takes it from the spec.
    #[serde(default)]
    #[expect(dead_code, reason = "the spec has a name")]
    name: Option<String>,
    /// The primary metric; it must be the contract's.
    pub(crate) metric_name: String,
    /// Its unit; it must be the contract's.
    #[serde(default)]
    pub(crate) metric_unit: Option<String>,
    /// `lower` or `higher`; it must be the contract's.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) direction: Option<Direction>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RunExperiment {
    /// It is not run: Sprag measures as the contract says.
    #[serde(default)]
    #[expect(dead_code, reason = "nothing that a client names is run")]
    command: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LogExperiment {
    /// The commit that you think it is; Sprag makes its own.
    #[serde(default)]
    commit: Option<String>,
    /// The value that you saw; Sprag measures, and tells where it differs.
    #[serde(default)]
    metric: Option<f64>,
    /// `keep`, `discard`, `crash` or `checks_failed`; Sprag decides, and tells where it differs.
    #[serde(default)]
    status: Option<String>,
    /// What was changed, in one line.
    description: String,
    /// Whatever else the next try should know.
    #[serde(default)]
    asi: Map<String, Value>,
}

/// Every tool, as it is listed.
pub(crate) fn all() -> Vec<Tool> {
    let reads = || ToolAnnotations::new().read_only(true).open_world(false);
    let writes = || ToolAnnotations::new().read_only(false).destructive(false).open_world(false);
    vec![
        tool::<Nothing>(
            "begin_experiment",
            "Begin an experiment. Answers with a folder: a copy of the best code so far, to edit there and nowhere else, and \
             with the brief. The first call measures the baseline and may take minutes.",
            writes(),
        ),
        tool::<Nothing>(
            "bench",
            "Build and measure the copy once, with its checks. Decides nothing: for a look before you submit.",
            writes(),
        ),
        tool::<SubmitExperiment>(
            "submit_experiment",
            "Hand the copy in. Sprag measures it in pairs against the best code so far, answers with the verdict, and keeps it \
             or throws it away; then the folder holds a fresh copy for the next experiment. May take minutes.",
            writes(),
        ),
        tool::<Nothing>(
            "status",
            "Where the session stands and what is being measured. Answers at once, during a measurement too.",
            reads(),
        ),
        tool::<Nothing>(
            "brief",
            "The brief of the open experiment: objective, scope, what was tried before and what became of it.",
            reads(),
        ),
        tool::<AddIdea>("add_idea", "Park an idea for a later experiment or a later phase.", writes()),
        tool::<InitExperiment>(
            "init_experiment",
            "The name that pi-autoresearch has for begin_experiment. Metric, unit and direction must be the contract's.",
            writes(),
        ),
        tool::<RunExperiment>("run_experiment", "The name that pi-autoresearch has for bench.", writes()),
        tool::<LogExperiment>(
            "log_experiment",
            "The name that pi-autoresearch has for submit_experiment. Metric, commit and status are compared with what is \
             measured and decided.",
            writes(),
        ),
    ]
}

fn tool<T: JsonSchema + 'static>(
    name: &'static str,
    description: &'static str,
    annotations: ToolAnnotations,
) -> Tool {
    let schema = schema_for_input::<T>().expect("the arguments of each tool are an object");
    Tool::new(name, description, schema).with_annotations(annotations)
}

impl Call {
    /// Understands a call of the client `by`.
    ///
    /// # Errors
    /// [`ErrorData`]: there is no such tool, or the arguments are not its.
    pub(crate) fn parse(name: &str, arguments: Option<JsonObject>, by: String) -> Result<Self, ErrorData> {
        let arguments = arguments.unwrap_or_default();
        let ask = match name {
            "begin_experiment" => parsed(arguments).map(|Nothing {}| Ask::Begin)?,
            "bench" => parsed(arguments).map(|Nothing {}| Ask::Bench)?,
            "submit_experiment" => {
                let SubmitExperiment { description, hypothesis, ideas, mut asi } = parsed(arguments)?;
                asi.extend(hypothesis.map(|text| ("hypothesis".to_owned(), text.into())));
                if !ideas.is_empty() {
                    // The key under which a proposer leaves ideas beside its change.
                    asi.insert("ideas".to_owned(), ideas.into());
                }
                Ask::Submit { note: noted(description, asi)?, claims: Claims::default(), by }
            }
            "status" => return parsed(arguments).map(|Nothing {}| Call::Status),
            "brief" => return parsed(arguments).map(|Nothing {}| Call::Brief),
            "add_idea" => {
                let AddIdea { text, why } = parsed(arguments)?;
                // The key under which a proposer says what forbids an idea for now.
                let asi = why.map(|why| ("rule".to_owned(), why.into())).into_iter().collect();
                Ask::Park(noted(text, asi)?)
            }
            "init_experiment" => Ask::Init(parsed(arguments)?),
            "run_experiment" => parsed(arguments).map(|RunExperiment { .. }| Ask::Bench)?,
            "log_experiment" => {
                let LogExperiment { commit, metric, status, description, asi } = parsed(arguments)?;
                Ask::Submit { note: noted(description, asi)?, claims: Claims { metric, status, commit }, by }
            }
            _ => {
                let known: Vec<_> = all().into_iter().map(|tool| tool.name).collect();
                return Err(ErrorData::invalid_params(
                    format!("there is no such tool; there are {}", known.join(", ")),
                    None,
                ));
            }
        };
        Ok(Call::Ask(Box::new(ask)))
    }
}

fn parsed<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, ErrorData> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ErrorData::invalid_params(error.to_string(), None))
}

/// What a guest says, capped. What its model costs is unknown, and unknown is not zero.
fn noted(description: String, asi: Map<String, Value>) -> Result<Note, ErrorData> {
    if description.trim().is_empty() {
        return Err(ErrorData::invalid_params("say in one line what it is: the text is empty", None));
    }
    Ok(Note { description, asi, ..Note::default() }.capped())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(name: &str, arguments: Value) -> Result<Call, ErrorData> {
        Call::parse(name, arguments.as_object().cloned(), String::new())
    }

    #[test]
    fn each_tool_that_is_listed_is_understood() {
        let arguments = json!({ "description": "d", "text": "t", "metric_name": "ms" });
        for tool in all() {
            let properties = tool.input_schema.get("properties").and_then(Value::as_object).cloned();
            let properties = properties.unwrap_or_default();
            let mut own = arguments.as_object().cloned().expect("an object");
            own.retain(|key, _| properties.contains_key(key));
            assert!(Call::parse(&tool.name, Some(own), String::new()).is_ok(), "{}", tool.name);
        }
    }

    #[test]
    fn what_is_no_tool_or_no_argument_of_it_is_refused() {
        assert!(parse("rm", json!({})).is_err());
        assert!(parse("submit_experiment", json!({})).is_err());
        assert!(parse("submit_experiment", json!({ "description": 7 })).is_err());
        assert!(parse("submit_experiment", json!({ "description": " \n" })).is_err());
        assert!(parse("submit_experiment", json!({ "description": "d", "status": "keep" })).is_err());
        assert!(parse("log_experiment", json!({ "description": "d", "metric": "0.1" })).is_err());
        assert!(parse("init_experiment", json!({ "metric_name": "ms", "direction": "sideways" })).is_err());
    }

    #[test]
    fn a_description_without_end_is_cut() {
        let call = parse("submit_experiment", json!({ "description": "x".repeat(100_000) }));
        let Ok(Call::Ask(ask)) = call else { panic!("it is understood") };
        let Ask::Submit { note, .. } = *ask else { panic!("it is a submission") };
        assert!(note.description.chars().count() < 2_000);
    }
}
