package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/pcapline/pcapline/pcapio/store/storetest"
	"github.com/pcapline/pcapline/train/ship"
)

// TestWatchShipPull goes from packets in a spool to records at headquarters,
// over a bucket, with the real tool age as a second reader.
func TestWatchShipPull(t *testing.T) {
	server := storetest.Start(t, true)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	lab := []string{"../../testdata/lab/web_sqli.pcapng.zst", "../../testdata/lab/scan_udp.pcapng.zst"}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("key.txt"), []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, 0, append([]string{"flows", "-q", "-o", at("flows.parquet"), "--span", "--truth", "../../testdata/lab/truth.csv"}, lab...)...)
	command(t, 0, "prepare", "-q", "-o", at("dataset"), at("flows.parquet"))
	command(t, 0, "train", "-q", "-o", at("model"), "--epochs", "2", at("dataset"))
	command(t, 0, append([]string{"replay", "-q", "--spool", at("spool"), "--speed", "max", "-b", "packets:900"}, lab...)...)
	command(t, 0, "watch", "-q", "--once", "--spool", at("spool"), "--model", at("model"), "--scored", at("scored"), "--alerts", at("alerts.jsonl"))

	place := "s3://" + storetest.Bucket + "/edge"
	args := []string{"ship", "--json", "--sensor", "gate", "--spool", at("spool"), "--state", at("state"), "--to", place,
		"--recipient", id.Recipient().String(), "--model", at("model"), "--drifted", "3", "--packets-per-row", "-1", at("scored")}
	stdout, stderr := command(t, 0, args...)
	if found := storetest.Secrets(stdout + stderr); found != nil {
		t.Errorf("the output tells %v", found)
	}
	var sent ship.Counts
	if err := json.Unmarshal([]byte(stdout), &sent); err != nil || sent.Shipped == 0 || sent.Missing != 0 || sent.Reasons[ship.Alert] == 0 {
		t.Fatalf("%v: %s", err, stdout)
	}
	stdout, _ = command(t, 0, args...)
	if !strings.Contains(stdout, `"shipments_made": 0`) {
		t.Errorf("shipped again: %s", stdout)
	}
	command(t, 0, "pull", "--from", place, "--identity", at("key.txt"), "-o", at("records"))
	found, err := filepath.Glob(filepath.Join(at("records"), "gate", "*", "*"))
	if err != nil || len(found) != int(sent.Shipped) {
		t.Fatalf("%d shipments arrived of %d: %v", len(found), sent.Shipped, err)
	}
	for _, shipment := range found {
		stdout, _ = command(t, 0, "info", "--json", filepath.Join(shipment, ship.PacketsFile))
		if !strings.Contains(stdout, `"packets"`) {
			t.Error(stdout)
		}
		withAge(t, shipment, filepath.Join(server.Dir, "edge"), at("records"), at("key.txt"))
	}
	shipDrifted(t, at("model"), id.Recipient().String())
	// What was shipped can be learned from like any other table.
	command(t, 0, "flatten", "-q", "-o", at("again.parquet"), filepath.Join(found[0], ship.PacketsFile))
	command(t, 2, "ship", "--sensor", "gate", "--state", at("state2"), "--to", place, "--recipient", id.String(), at("scored"))
	command(t, 2, "pull", "--from", place, "-o", at("records"))
}

// shipDrifted has traffic that the model never saw: the more features are
// asked for, the fewer rows are drifted.
func shipDrifted(t *testing.T, model, recipient string) {
	t.Helper()
	dir := t.TempDir()
	table, capture := filepath.Join(dir, "scored.parquet"), "../../testdata/lab/ipv6_ra_flood.pcapng.zst"
	command(t, 0, "score", "-q", "-o", table, "--any-flow-settings", model, capture)
	last := int64(1 << 62)
	for i, unseen := range []string{"1", "5", "100"} {
		stdout, _ := command(t, 0, "ship", "--json", "--sensor", "s", "--captures", capture, "--state", filepath.Join(dir, unseen), "--to", filepath.Join(dir, "to"),
			"--recipient", recipient, "--alerts=false", "--uncertain", "none", "--model", model, "--drifted", unseen, table)
		var sent ship.Counts
		if err := json.Unmarshal([]byte(stdout), &sent); err != nil || sent.Reasons[ship.Drifted] > last || i == 0 && sent.Reasons[ship.Drifted] == 0 {
			t.Errorf("%s unseen features: %v %s", unseen, err, stdout)
		}
		last = sent.Reasons[ship.Drifted]
	}
	if last != 0 {
		t.Errorf("%d rows have 100 unseen features", last)
	}
}

// withAge compares a shipment that was pulled with what age and tar make of it.
func withAge(t *testing.T, shipment, bucket, records, key string) {
	t.Helper()
	if _, err := exec.LookPath("age"); err != nil {
		t.Log("no age: shipments are read by our own reader only")
		return
	}
	name, err := filepath.Rel(records, shipment)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	shell := exec.Command("sh", "-c", `age -d -i "$1" "$2" | tar -x -C "$3"`, "sh", key, filepath.Join(bucket, name+".tar.age"), dir)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("age: %v: %s", err, out)
	}
	if out, err := exec.Command("diff", "-r", dir, shipment).CombinedOutput(); err != nil {
		t.Errorf("age and tar give other files: %s", out)
	}
}
