// Faults that are planted into a copy of the sources, to prove that the simulator finds them. Read by the build script, which refuses a
// patch that does not fit exactly one place, and by the test that hunts them.
//
// `ROOT::` is the test itself: `ROOT::planted(name)` is true while that fault is hunted.

/// One change of a source: file, what stands there once, and what stands there instead.
pub type Patch = (&'static str, &'static str, &'static str);

/// A fault: its name, and the changes that plant it.
pub type Mutant = (&'static str, &'static [Patch]);

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    (
        "cursor before rows",
        &[(
            "delta_poller/commit.rs",
            "                self.tools.store.commit(self.room, writes, &next).await?;",
            r#"
                if ROOT::planted("cursor before rows") && !writes.is_empty() {
                    self.tools.store.commit(self.room, &[], &next).await?;
                    next.version += 1;
                }
                self.tools.store.commit(self.room, writes, &next).await?;"#,
        )],
    ),
    (
        "no version check on commit",
        &[(
            "testkit/store.rs",
            "        check(what, self.cursors.get(room).map(|stored| stored.value.version), before)?;",
            r#"
        if !ROOT::planted("no version check on commit") {
            check(what, self.cursors.get(room).map(|stored| stored.value.version), before)?;
        }"#,
        )],
    ),
    (
        "compare by etag",
        &[
            (
                "graph/entry.rs",
                r#"    #[serde(borrow, rename = "iCalUId")]"#,
                r#"    #[serde(borrow, rename = "@odata.etag")]
    etag: Option<Text<'a>>,
    #[serde(borrow, rename = "iCalUId")]"#,
            ),
            (
                "graph/entry.rs",
                r#"        Ok(CalendarEntry {"#,
                r#"        ROOT::etag_seen(&id, self.etag.as_ref().map_or("", Text::as_str));
        Ok(CalendarEntry {"#,
            ),
            (
                "domain/plan.rs",
                "                (true, true) => return None,",
                r#"
                (true, true) if !(ROOT::planted("compare by etag") && ROOT::etag_changed(&row.state.event_id)) => return None,
                (true, true) => Change::Updated,"#,
            ),
        ],
    ),
    (
        "no sweep on full read",
        &[(
            "delta_poller/compare.rs",
            "        if first.missing.is_empty() {",
            r#"        if first.missing.is_empty() || (ROOT::planted("no sweep on full read") && dirty.is_everything()) {"#,
        )],
    ),
    (
        "believe @removed",
        &[
            (
                "domain/delta.rs",
                "            DeltaChange::Removed => {}",
                "            DeltaChange::Removed => ROOT::removal_seen(&item.id),",
            ),
            (
                "delta_poller/poll_room.rs",
                "        let mut found = self.compare(&lane, &context, window, &dirty, named).await?;",
                r#"        let mut found = self.compare(&lane, &context, window, &dirty, named.clone()).await?;
        if ROOT::planted("believe @removed") {
            for row in named.iter().filter(|row| row.is_live() && ROOT::removal_was_seen(&row.state.event_id)) {
                found.writes.retain(|write| write.booking.id != row.id);
                let reason = roomsync_domain::booking::EndReason::Deleted;
                found.writes.push(roomsync_domain::plan::end(row, reason, context.retention_days, self.now));
            }
        }"#,
            ),
        ],
    ),
    (
        "believe a paged absence",
        &[(
            "delta_poller/compare.rs",
            "        let fates = missing::find_out(lane, context, first.missing, answers == 1).await?;",
            r#"        let fates = if ROOT::planted("believe a paged absence") && answers > 1 {
            let reason = roomsync_domain::booking::EndReason::Deleted;
            let over = first.missing.into_iter().map(|row| (row, reason)).collect();
            missing::Found { over, ..missing::Found::default() }
        } else {
            missing::find_out(lane, context, first.missing, answers == 1).await?
        };"#,
        )],
    ),
    (
        "drop after an empty page",
        &[
            (
                "delta_poller/detect.rs",
                "    let mut dirty = Dirty::default();",
                "    let mut dirty = Dirty::default();\n    let mut empty = false;",
            ),
            (
                "delta_poller/detect.rs",
                "        for item in &page.items {",
                r#"        empty |= page.items.is_empty() && matches!(page.next, Next::Page(_));
        for item in page.items.iter().filter(|_| !(empty && ROOT::planted("drop after an empty page"))) {"#,
            ),
        ],
    ),
    (
        "ignore Retry-After",
        &[
            (
                "graph/send.rs",
                "            lane.close(now + wait, &request_id);",
                r#"            if !ROOT::planted("ignore Retry-After") {
                lane.close(now + wait, &request_id);
            }"#,
            ),
            (
                "delta_poller/trouble.rs",
                "            Some(seconds::not_before(now + pause))",
                r#"            (!ROOT::planted("ignore Retry-After")).then_some(now + pause)"#,
            ),
        ],
    ),
    (
        "one token for every tenant",
        &[(
            "graph/token.rs",
            "        let key = Key { tenant: connection.tenant.clone(), client_id: connection.client_id.clone(), cloud };",
            r#"        let nobody = || TenantId::parse("00000000-0000-0000-0000-000000000000");
        let shared = if ROOT::planted("one token for every tenant") { nobody() } else { None };
        let tenant = shared.unwrap_or_else(|| connection.tenant.clone());
        let key = Key { tenant, client_id: connection.client_id.clone(), cloud };"#,
        )],
    ),
    (
        "token cache keyed by room",
        &[
            (
                "graph/send.rs",
                "        let token = self.token().await?;",
                "        ROOT::asked(call.uri.path());\n        let token = self.token().await?;",
            ),
            (
                "graph/send.rs",
                "        let second = match first.as_ref().map_err(|failure| &failure.error) {",
                "        ROOT::asked(call.uri.path());\n        let second = match first.as_ref().map_err(|failure| &failure.error) {",
            ),
            (
                "graph/token.rs",
                "        Arc::clone(lock(&self.shared.tokens.slots).entry(key).or_default())",
                r#"        let room = if ROOT::planted("token cache keyed by room") { ROOT::room_asked() } else { None };
        let key = match (room, TenantId::parse("00000000-0000-0000-0000-000000000000")) {
            (Some(client_id), Some(tenant)) => Key { tenant, client_id, ..key },
            _ => key,
        };
        Arc::clone(lock(&self.shared.tokens.slots).entry(key).or_default())"#,
            ),
        ],
    ),
    (
        "private subject stored",
        &[
            (
                "graph/entry.rs",
                "        let subject = self.subject.filter(|_| wanted.subject && !private).and_then(text);",
                r#"        let open = !private || ROOT::planted("private subject stored");
        let subject = self.subject.filter(|_| wanted.subject && open).and_then(text);"#,
            ),
            (
                "domain/project.rs",
                "    let may_know = |allowed: bool| allowed && !entry.private;",
                r#"    let may_know = |allowed: bool| allowed && (!entry.private || ROOT::planted("private subject stored"));"#,
            ),
        ],
    ),
    (
        "host check off",
        &[
            (
                "graph/link.rs",
                "    let (origin, rest) = link.split_at_checked(expected.len())?;",
                r#"    let blind = ROOT::planted("host check off");
    let (origin, rest) = link.split_at_checked(if blind { link.find("/v1.0/")? } else { expected.len() })?;"#,
            ),
            (
                "graph/link.rs",
                "    if !origin.eq_ignore_ascii_case(expected) {",
                "    if !origin.eq_ignore_ascii_case(expected) && !blind {",
            ),
        ],
    ),
    (
        "delete on empty answer",
        &[(
            "domain/room_plan.rs",
            "    if !sightings.is_empty() || accept_mass_end {",
            r#"    if !sightings.is_empty() || accept_mass_end || ROOT::planted("delete on empty answer") {"#,
        )],
    ),
    (
        "guard off",
        &[(
            "domain/guard.rs",
            "    ending <= limit(of)",
            r#"    ending <= limit(of) || ROOT::planted("guard off")"#,
        )],
    ),
    (
        "unstable sort in planner",
        &[(
            "domain/plan.rs",
            "    plan.writes.sort_by(|a, b| order(&a.booking).cmp(&order(&b.booking)));",
            r#"    plan.writes.sort_by(|a, b| order(&a.booking).cmp(&order(&b.booking)));
    if ROOT::planted("unstable sort in planner") && ROOT::coin() {
        plan.writes.reverse();
    }"#,
        )],
    ),
    (
        "stored rows by start only",
        &[(
            "delta_poller/compare.rs",
            "        known.extend(named);",
            r#"        if !ROOT::planted("stored rows by start only") {
            known.extend(named);
        }"#,
        )],
    ),
    (
        "compare clientState by prefix",
        &[(
            "domain/client_state.rs",
            "    mac.verify_truncated_left(&signature).map_err(|_| Disbelief::Signature)?;",
            r#"    let compared = if ROOT::planted("compare clientState by prefix") { 4 } else { SIGNATURE_BYTES };
    mac.verify_truncated_left(&signature[..compared]).map_err(|_| Disbelief::Signature)?;"#,
        )],
    ),
    (
        "deduplicate by room",
        &[(
            "webhook_receiver/notices.rs",
            "        mark: if told.is_nameless { String::clone(&request) } else { mark(told.items) },",
            r#"        mark: if ROOT::planted("deduplicate by room") {
            String::new()
        } else if told.is_nameless {
            String::clone(&request)
        } else {
            mark(told.items)
        },"#,
        )],
    ),
    (
        "apply the notification",
        &[
            (
                "webhook_receiver/notices.rs",
                "            Ok((room, item)) => {",
                "            Ok((room, item)) => {\n                ROOT::notice_seen(raw.get());",
            ),
            (
                "delta_poller/poll_room.rs",
                "        found.made_at = dirty.changes().newest();",
                r#"        if ROOT::planted("apply the notification") {
            for row in self.tools.store.bookings(self.room, None, roomsync_domain::time::end_of_time()).await? {
                if row.is_live() && ROOT::deletion_was_seen(&row.state.event_id) {
                    let reason = roomsync_domain::booking::EndReason::Deleted;
                    found.writes.retain(|write| write.booking.id != row.id);
                    found.writes.push(roomsync_domain::plan::end(&row, reason, context.retention_days, self.now));
                }
            }
        }
        found.made_at = dirty.changes().newest();"#,
            ),
        ],
    ),
    (
        "believe any subscription's notice",
        &[(
            "delta_poller/notices.rs",
            "        self.hint.told_by.iter().filter(|(id, _)| listening.has_id(id)).map(|(_, at)| *at).max()",
            r#"        if ROOT::planted("believe any subscription's notice") {
            return self.hint.told_by.values().max().copied();
        }
        self.hint.told_by.iter().filter(|(id, _)| listening.has_id(id)).map(|(_, at)| *at).max()"#,
        )],
    ),
    (
        "forget renewal",
        &[(
            "domain/subscription_plan.rs",
            "    } else if told.renew || sight.refused || now >= renew_at(sight.room, held) {",
            r#"    } else if told.renew
        || sight.refused
        || (now >= renew_at(sight.room, held) && !ROOT::planted("forget renewal"))
    {"#,
        )],
    ),
    (
        "trust a subscription before it has told anything",
        &[(
            "subscription_keeper/settle.rs",
            "                        heard_at: None,",
            r#"                        heard_at: ROOT::planted("trust a subscription before it has told anything").then(|| self.now()),"#,
        )],
    ),
    (
        "fresh transaction id per attempt",
        &[(
            "booking_writer/steps.rs",
            "        let mark = Mark { transaction: writing.transaction(), marker: writing.marker() };",
            r#"        let mut mark = Mark { transaction: writing.transaction(), marker: writing.marker() };
        if ROOT::planted("fresh transaction id per attempt") {
            static ATTEMPTS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
            let attempt = ATTEMPTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            mark.transaction = uuid::Uuid::from_u128(attempt.into());
        }"#,
        )],
    ),
    // Each of the two finds what the other one forgets, so it is both that are left out.
    (
        "cancel without look-up",
        &[
            (
                "booking_writer/steps.rs",
                "        let mut ids: Vec<_> = marked.into_iter().map(|seen| seen.id).collect();",
                r#"        let blind = ROOT::planted("cancel without look-up");
        let mut ids: Vec<_> = marked.into_iter().filter(|_| !blind).map(|seen| seen.id).collect();"#,
            ),
            (
                "booking_writer/steps.rs",
                r#"        writing.removed(self.clock.now());
        Ok(Deed::Next)
    }

    /// The room declines"#,
                r#"        writing.removed(self.clock.now());
        if blind {
            writing.verified();
        }
        Ok(Deed::Next)
    }

    /// The room declines"#,
            ),
        ],
    ),
    (
        "no verify",
        &[(
            "booking_writer/settle.rs",
            "                Step::Verify => {",
            r#"                Step::Verify if ROOT::planted("no verify") => {
                    writing.verified();
                    Deed::Next
                }
                Step::Verify => {"#,
        )],
    ),
    (
        "echo taken for a person",
        &[(
            "domain/writing/claim.rs",
            "self.echoes.iter().any(|when| when.span(home) == seen)",
            r#"!ROOT::planted("echo taken for a person") && self.echoes.iter().any(|when| when.span(home) == seen)"#,
        )],
    ),
    (
        "pending row not claimed",
        &[(
            "domain/plan.rs",
            "    let mut rows = pair(known, &seen, covered, context);",
            r#"    let claims = if ROOT::planted("pending row not claimed") { &claims[..0] } else { claims };
    let mut rows = pair(known, &seen, covered, context);"#,
        )],
    ),
    (
        "a person's deletion undone",
        &[(
            "booking_writer/steps.rs",
            "            Verified::Gone => Deed::Gone,",
            r#"            Verified::Gone if ROOT::planted("a person's deletion undone") => {
                writing.event = None;
                writing.life += 1;
                writing.applied = writing.wanted - 1;
                Deed::Next
            }
            Verified::Gone => Deed::Gone,"#,
        )],
    ),
    (
        "a command that comes again counts again",
        &[(
            "domain/writing/accept.rs",
            "    if known {",
            r#"    if known && !ROOT::planted("a command that comes again counts again") {"#,
        )],
    ),
    (
        "a token in the log",
        &[(
            "graph/send.rs",
            "        headers.insert(AUTHORIZATION, token.bearer.clone());",
            r#"        headers.insert(AUTHORIZATION, token.bearer.clone());
        if ROOT::planted("a token in the log") {
            tracing::debug!(token = token.bearer.to_str().unwrap_or_default(), "asks Graph");
        }"#,
        )],
    ),
];
