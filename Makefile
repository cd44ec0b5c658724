# What `sam build` calls: one target per function, all over one build. Needs cargo-lambda.
# For arm64: rustup target add aarch64-unknown-linux-gnu; ARCHITECTURE=arm64 sam build;
# sam deploy --parameter-overrides Architecture=arm64.

ARCHITECTURE ?= x86_64
PROFILE ?= deploy

FUNCTIONS := resource-sync poll-dispatcher delta-poller webhook-receiver subscription-keeper booking-writer
TARGET_x86_64 := x86_64-unknown-linux-gnu
TARGET_arm64 := aarch64-unknown-linux-gnu

.PHONY: functions
functions:
	cargo lambda build --profile $(PROFILE) --target $(TARGET_$(ARCHITECTURE)) $(FUNCTIONS:%=--package %) $(FUNCTIONS:%=--bin %)

build-ResourceSyncFunction: BINARY := resource-sync
build-PollDispatcherFunction: BINARY := poll-dispatcher
build-DeltaPollerFunction: BINARY := delta-poller
build-WebhookReceiverFunction: BINARY := webhook-receiver
build-SubscriptionKeeperFunction: BINARY := subscription-keeper
build-BookingWriterFunction: BINARY := booking-writer

build-%: functions
	cp target/lambda/$(BINARY)/bootstrap $(ARTIFACTS_DIR)/bootstrap
