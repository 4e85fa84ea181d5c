//! Writes over a store that fails when told, in paused time.

use super::*;
use flint_core::ids::StanzaId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Fails while `full`, and always for the position `bad`.
#[derive(Default)]
struct Fake {
    full: AtomicBool,
    written: Mutex<Vec<Persist>>,
}

impl Storage for Arc<Fake> {
    async fn persist(&self, writes: Vec<Persist>) -> Result<(), String> {
        if self.full.load(Ordering::SeqCst) || writes.contains(&position("bad")) {
            return Err("full".to_owned());
        }
        self.written.lock().unwrap().extend(writes);
        Ok(())
    }

    async fn query(&self, _query: StoreQuery) -> StoreReply {
        StoreReply::Loaded(Box::default())
    }
}

fn position(id: &str) -> Persist {
    Persist::ArchivePosition { archive: None, last: StanzaId(id.to_owned()) }
}

struct Stage {
    fake: Arc<Fake>,
    jobs: mpsc::UnboundedSender<Job>,
    replies: mpsc::UnboundedReceiver<StoreReply>,
    task: tokio::task::JoinHandle<()>,
}

impl Stage {
    fn new() -> Self {
        let fake = Arc::<Fake>::default();
        let store = fake.clone();
        let (jobs, job_end) = mpsc::unbounded_channel();
        let (reply_end, replies) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move { work(&store, job_end, reply_end).await });
        Self { fake, jobs, replies, task }
    }

    fn write(&self, id: &str) {
        self.jobs.send(Job::Persist(position(id))).unwrap();
    }

    async fn end(self) -> Vec<Persist> {
        drop(self.jobs);
        self.task.await.unwrap();
        self.fake.written.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_written_first_when_the_disk_has_room_again() {
    let mut stage = Stage::new();
    stage.fake.full.store(true, Ordering::SeqCst);
    stage.write("1");
    assert_eq!(stage.replies.recv().await, Some(StoreReply::Failed { reason: "full".to_owned() }));
    stage.write("2");
    // Told once, tried again and again.
    tokio::time::sleep(AGAIN * 10).await;
    assert!(stage.replies.try_recv().is_err());
    stage.fake.full.store(false, Ordering::SeqCst);
    tokio::time::sleep(AGAIN).await;
    assert_eq!(*stage.fake.written.lock().unwrap(), [position("1"), position("2")]);
    stage.write("3");
    assert_eq!(stage.end().await, [position("1"), position("2"), position("3")]);
}

#[tokio::test(start_paused = true)]
async fn one_write_that_never_works_does_not_hold_up_the_others() {
    let stage = Stage::new();
    for id in ["1", "bad", "2"] {
        stage.write(id);
    }
    tokio::time::sleep(AGAIN * 3).await;
    assert_eq!(*stage.fake.written.lock().unwrap(), [position("1"), position("2")]);
    stage.write("3");
    assert_eq!(stage.end().await.last(), Some(&position("3")));
}

#[tokio::test(start_paused = true)]
async fn after_an_overflow_no_position_is_moved_past_the_gap() {
    let mut writes = Writes::default();
    (0..MAX_PENDING).for_each(|_| writes.push(position("early")));
    writes.push(position("lost"));
    assert!(writes.overflowed);
    writes.pending.clear();
    writes.push(position("late"));
    assert!(writes.pending.is_empty());
}

#[tokio::test]
async fn a_question_sees_the_writes_before_it() {
    let mut stage = Stage::new();
    stage.write("1");
    stage.jobs.send(Job::Query(StoreQuery::Load)).unwrap();
    assert!(matches!(stage.replies.recv().await, Some(StoreReply::Loaded(_))));
    assert_eq!(stage.fake.written.lock().unwrap().len(), 1);
}
