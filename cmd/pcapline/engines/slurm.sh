#!/bin/sh
# A batch on a Slurm cluster: an array of jobs, one a shard, then the commit. Run
# it where sbatch is; all nodes must see the same files. A node that dies has its
# shards queued again. Ends as pcapline commit does: 0, or 3 for damaged input.
# usage: slurm.sh LAKE [flags of pcapline plan]...
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
# --wait: until all have ended. What failed is named by commit, and done by the next call.
sbatch --wait --requeue --job-name pcapline --array "1-$shards%${SLURM_AT_ONCE:-64}" --cpus-per-task 2 --mem 2G --output /dev/null \
	--wrap "pcapline --quiet shard --workers 2 '$plan' \$SLURM_ARRAY_TASK_ID" || true
exec pcapline commit "$plan"
