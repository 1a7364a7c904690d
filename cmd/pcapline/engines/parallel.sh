#!/bin/sh
# A batch under GNU parallel, on the cores of this machine or, with PARALLEL_FLAGS
# such as "--sshloginfile nodes", on many that see the same files. A shard that
# fails is tried again twice. Ends as pcapline commit does: 0, or 3 for damaged input.
# usage: parallel.sh LAKE [flags of pcapline plan]...
set -eu
lake=$1
shift
planned=$(pcapline --quiet plan --json --out "$lake" "$@")
plan=$(printf '%s' "$planned" | sed -n 's/.*"plan": "\(.*\)",.*/\1/p')
shards=$(printf '%s' "$planned" | sed -n 's/.*"shards": \([0-9]*\).*/\1/p')
if [ -z "$plan" ]; then
	echo "nothing new" >&2
	exit 0
fi
# shellcheck disable=SC2086
seq "$shards" | parallel ${PARALLEL_FLAGS:-} --retries 3 --halt soon,fail=1 pcapline --quiet shard --workers 1 "$plan" {} >/dev/null
exec pcapline commit "$plan"
