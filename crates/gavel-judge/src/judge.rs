//! A judge: asks, waits, and makes an outcome of what comes back.

use std::time::{Duration, Instant};

use gavel_files::sha256;
use gavel_verify::{AsyncVerifier, Call, Description, Failure, Judging, Outcome, Submission, Verdict};
use serde_json::{Value, json};

use crate::answer::{AnswerForm, COMPLETION_TOKENS, COST, PROMPT_TOKENS};
use crate::client::{Answer, Endpoint, Usage};
use crate::counts::{Counter, JudgeCounts};
use crate::prompt::{Messages, Prompt};
use crate::settings::{JudgeError, JudgeSettings, ResponseFormat};

/// A language model that judges submissions. See [`JudgeSettings`].
#[derive(Debug)]
pub struct Judge {
    settings: JudgeSettings,
    description: Description,
    prompt: Prompt,
    form: AnswerForm,
    endpoint: Endpoint,
    counter: Counter,
}

/// A request that has been written.
struct Request {
    body: String,
    digest: String,
}

impl Judge {
    /// The most bytes of a submission that a judge is shown.
    pub const LARGEST_SUBMISSION: usize = 1 << 20;

    /// The most bytes of an answer.
    pub const LARGEST_ANSWER: usize = 64 << 10;

    /// Checks the settings. Nobody is asked.
    ///
    /// # Errors
    /// See [`JudgeError`].
    pub fn new(settings: JudgeSettings) -> Result<Self, JudgeError> {
        let form = AnswerForm::new(&settings.schema, &settings.reward)?;
        let prompt =
            Prompt::parse(&settings.template, settings.system.as_deref(), &settings.schema.to_string())
                .map_err(|reason| JudgeError::Template { reason })?;
        let endpoint = Endpoint::new(&settings)?;
        let mut metrics = form.metrics.clone();
        metrics.extend([PROMPT_TOKENS, COMPLETION_TOKENS].map(str::to_owned));
        metrics.extend(settings.price.map(|_| COST.to_owned()));
        let description = Description {
            summary: format!("Asks {}.", settings.model),
            metrics,
            ..Description::named("judge")
        };
        Ok(Self { settings, description, prompt, form, endpoint, counter: Counter::default() })
    }

    /// Everything that its outcomes depend on, and where it is asked: a JSON object as text, without the key.
    pub fn recorded(&self) -> String {
        self.settings.recorded().to_string()
    }

    /// The longest that one submission takes, all attempts and the waits between them together.
    pub fn longest(&self) -> Duration {
        let attempts = self.settings.retries.saturating_add(1);
        self.settings.timeout.saturating_add(Duration::from_secs(75)).saturating_mul(attempts)
    }

    /// What it was asked since it was made.
    pub fn counts(&self) -> JudgeCounts {
        self.counter.get()
    }

    /// The digest of what it would ask of a submission, as [`Call::request`] has it.
    ///
    /// # Errors
    /// When there is nothing to ask: the submission is too large, or the template needs what it does not have.
    pub fn request_digest(&self, submission: &Submission) -> Result<String, Failure> {
        self.request(submission).map(|request| request.digest)
    }

    async fn ask(&self, submission: &Submission) -> Outcome {
        let asked = Instant::now();
        let request = match self.request(submission) {
            Ok(request) => request,
            Err(failure) => return Outcome::failure(failure, asked.elapsed()),
        };
        self.counter.add(|counts| counts.calls += 1);
        let jitter = request.digest.bytes().fold(0, u8::wrapping_add);
        let retried = || self.counter.add(|counts| counts.retries += 1);
        let answer = self.endpoint.ask(&request.body, jitter, retried).await;
        match &answer {
            Ok(answer) => self.count(answer.usage),
            Err(_) => self.counter.add(|counts| counts.failed += 1),
        }
        // What is written is what is read again.
        let answer = answer.map(|answer| json!(answer).to_string());
        let outcome = self.outcome(Call { request: request.digest, answer });
        Outcome { elapsed: asked.elapsed(), ..outcome }
    }

    fn count(&self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        self.counter.add(|counts| {
            counts.prompt_tokens += usage.prompt_tokens;
            counts.completion_tokens += usage.completion_tokens;
            counts.cost += self.cost(usage).unwrap_or_default();
        });
    }

    fn cost(&self, usage: Usage) -> Option<f64> {
        let price = self.settings.price?;
        let (input, output) = (usage.prompt_tokens as f64, usage.completion_tokens as f64);
        Some((input * price.input + output * price.output) / 1e6)
    }

    fn request(&self, submission: &Submission) -> Result<Request, Failure> {
        let Submission { prompt, completion, reference, metadata } = submission;
        let texts = [prompt, completion, metadata].map(String::len).iter().sum::<usize>();
        let size = texts + reference.as_ref().map_or(0, String::len);
        let most = Self::LARGEST_SUBMISSION;
        if size > most {
            let reason = format!("the submission has {size} bytes; a judge is shown {most} at most");
            return Err(Failure::Refused(reason));
        }
        let Messages { system, user } = self.prompt.fill_in(submission).map_err(Failure::InvalidTask)?;
        let JudgeSettings { model, temperature, seed, max_tokens, schema, response_format, extra, .. } =
            &self.settings;
        let mut body = json!({
            "model": model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        });
        let sampling = [
            ("max_tokens", max_tokens.map(Value::from)),
            ("temperature", temperature.map(Value::from)),
            ("seed", seed.map(Value::from)),
        ];
        for (name, value) in sampling {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        for (name, value) in extra {
            body[name] = value.clone();
        }
        match response_format {
            ResponseFormat::JsonSchema => {
                let schema = json!({"name": "verdict", "strict": true, "schema": schema});
                body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
            }
            ResponseFormat::JsonObject => body["response_format"] = json!({"type": "json_object"}),
            ResponseFormat::Text => {}
        }
        let body = body.to_string();
        Ok(Request { digest: sha256(&body), body })
    }

    /// The outcome that a call comes to: a function of the settings and the call alone.
    fn outcome(&self, call: Call) -> Outcome {
        let result = match &call.answer {
            Err(reason) => Err(Failure::HostFailed(reason.clone())),
            Ok(text) => match serde_json::from_str(text) {
                Ok(answer) => self.verdict(&answer),
                Err(error) => Err(Failure::HostFailed(format!("the recorded answer is none: {error}"))),
            },
        };
        let outcome = match result {
            Ok(verdict) => Outcome::verdict(verdict, Duration::ZERO),
            Err(failure) => Outcome::failure(failure, Duration::ZERO),
        };
        Outcome { call: Some(Box::new(call)), ..outcome }
    }

    fn verdict(&self, answer: &Answer) -> Result<Verdict, Failure> {
        let Answer { model, content, refusal, finish_reason, usage } = answer;
        let pinned = &self.settings.model;
        if let Some(other) = model.as_ref().filter(|model| *model != pinned) {
            let reason = format!(
                "`{other}` answered, and `{pinned}` was asked: `model` names the one that answers, not an alias of it"
            );
            return Err(Failure::HostFailed(reason));
        }
        let refused = |reason: &str| Failure::Refused(reason.to_owned());
        if let Some(refusal) = refusal {
            return Err(refused(&format!("the model does not answer: {refusal}")));
        }
        if finish_reason.as_deref() == Some("length") {
            return Err(refused("the answer was cut off: `max_tokens` is too small for it"));
        }
        let content = content.as_deref().ok_or_else(|| refused("the answer has no text"))?;
        if content.len() > Judge::LARGEST_ANSWER {
            return Err(Failure::OutputTooLarge { limit: Judge::LARGEST_ANSWER as u64 });
        }
        if self.settings.price.is_some() && usage.is_none() {
            let reason = "the endpoint does not say how many tokens it took, which `price` needs";
            return Err(Failure::HostFailed(reason.to_owned()));
        }
        let mut verdict = self.form.read(content).map_err(Failure::Refused)?;
        if let Some(usage) = *usage {
            let tokens = [(PROMPT_TOKENS, usage.prompt_tokens), (COMPLETION_TOKENS, usage.completion_tokens)];
            verdict.metrics.extend(tokens.map(|(name, count)| (name.to_owned(), count as f64)));
            verdict.metrics.extend(self.cost(usage).map(|cost| (COST.to_owned(), cost)));
        }
        Ok(verdict)
    }
}

impl AsyncVerifier for Judge {
    fn description(&self) -> &Description {
        &self.description
    }

    fn verify<'a>(&'a self, submission: &'a Submission) -> Judging<'a> {
        Box::pin(self.ask(submission))
    }

    fn replay(&self, submission: &Submission, call: Option<&Call>) -> Outcome {
        let failed = |failure| Outcome::failure(failure, Duration::ZERO);
        let request = match self.request(submission) {
            Ok(request) => request,
            // Nobody was asked then either.
            Err(failure) => return failed(failure),
        };
        match call {
            None => failed(Failure::HostFailed("no answer of this judge is recorded".to_owned())),
            Some(call) if call.request != request.digest => {
                let reason = "the recorded answer is one to another question: template, schema, model or sampling differ";
                failed(Failure::HostFailed(reason.to_owned()))
            }
            Some(call) => self.outcome(call.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use gavel_verify::Status;

    use super::*;
    use crate::settings::Price;

    fn settings() -> JudgeSettings {
        JudgeSettings {
            endpoint: "http://127.0.0.1:1/v1".to_owned(),
            model: "judge-8b".to_owned(),
            template: "{{ completion }}".to_owned(),
            schema: json!({
                "type": "object", "required": ["score"],
                "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
            }),
            price: Some(Price { input: 0.5, output: 2.0 }),
            ..JudgeSettings::default()
        }
    }

    fn replayed(answer: &Value) -> Outcome {
        let judge = Judge::new(settings()).unwrap();
        let submission = Submission::default();
        let request = judge.request_digest(&submission).unwrap();
        judge.replay(&submission, Some(&Call { request, answer: Ok(answer.to_string()) }))
    }

    #[test]
    fn an_answer_has_its_cost() {
        let outcome =
            replayed(&json!({"model": "judge-8b", "content": "{\"score\": 4}", "finish_reason": "stop",
            "usage": {"prompt_tokens": 1000, "completion_tokens": 20}}));
        let verdict = outcome.result.unwrap();
        assert_eq!(verdict.reward, 4.0);
        let metrics: Vec<_> = verdict.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(metrics, [("prompt_tokens", 1000.0), ("completion_tokens", 20.0), ("cost", 0.00054)]);
    }

    #[test]
    fn what_is_no_answer_has_no_verdict() {
        let usage = json!({"prompt_tokens": 1, "completion_tokens": 1});
        let content = r#"{"score": 4}"#;
        for (answer, status) in [
            (json!({"model": "other", "content": content, "usage": usage}), Status::HostFailed),
            (json!({"content": content}), Status::HostFailed),
            (json!({"content": r#"{"score": 9}"#, "usage": usage}), Status::Refused),
            (json!({"content": content, "finish_reason": "length", "usage": usage}), Status::Refused),
            (json!({"content": null, "usage": usage}), Status::Refused),
            (json!({"refusal": "no", "usage": usage}), Status::Refused),
        ] {
            let outcome = replayed(&answer);
            assert_eq!(outcome.status(), status, "{answer}: {outcome:?}");
            assert!(outcome.call.is_some());
        }
        let long = json!({"content": "x".repeat(Judge::LARGEST_ANSWER + 1), "usage": usage});
        assert!(matches!(replayed(&long).result, Err(Failure::OutputTooLarge { .. })));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let judge = Judge::new(settings()).unwrap();
        let other = Judge::new(JudgeSettings { model: "judge-70b".to_owned(), ..settings() }).unwrap();
        let submission = Submission::default();
        let call = Call { request: other.request_digest(&submission).unwrap(), answer: Ok("{}".to_owned()) };
        for call in [Some(&call), None] {
            assert!(matches!(judge.replay(&submission, call).result, Err(Failure::HostFailed(_))));
        }
        let large = Submission { completion: "x".repeat(Judge::LARGEST_SUBMISSION + 1), ..submission };
        assert!(matches!(judge.replay(&large, None).result, Err(Failure::Refused(_))));
    }

    #[test]
    fn a_record_has_all_but_the_key() {
        let key = crate::settings::Key::new("sk-12345");
        let judge = Judge::new(JudgeSettings { key, ..settings() }).unwrap();
        let recorded: Value = serde_json::from_str(&judge.recorded()).unwrap();
        assert_eq!(recorded["model"], "judge-8b");
        assert_eq!(recorded["price"]["output"], 2.0);
        assert!(!judge.recorded().contains("sk-12345"));
        assert!(!format!("{judge:?}").contains("sk-12345"));
    }
}
