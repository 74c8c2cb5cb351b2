
# The merge, after the array: it says what is missing where elements failed.
if [ "${1:-}" = merge ]; then
    "$bwq" merge "$out"
    code=$?
    if [ "$code" -eq 3 ]; then
        echo "to run what is missing: bash THIS_SCRIPT $("$bwq" status "$out" --missing --shards "$shards")"
    fi
    exit "$code"
fi

# No element of an array: hand the array and its merge to Slurm. afterany, since afterok never lets a merge go whose array
# has an element that failed, and drops it in silence with --kill-on-invalid-dep=yes.
if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    if [ ! -f "$0" ]; then
        echo "save this script first: bash FILE" >&2
        exit 2
    fi
    elements=${1-0-$((shards - 1))}
    if [ -z "$elements" ]; then
        echo "nothing is missing"
        exit 0
    fi
    logs=$out/slurm
    mkdir -p "$logs" || exit
    pattern=${logs//\%/%%} # to Slurm a % stands for something else
    array=$(sbatch --parsable --array="$elements" --output="$pattern/%A_%a.log" "$0") || exit
    array=${array%%;*} # without the cluster's name
    merge=$(sbatch --parsable --array=0 --cpus-per-task=1 --dependency="afterany:$array" --output="$pattern/%A_merge.log" "$0" merge) || exit
    echo "array $array, elements $elements; then the merge, ${merge%%;*}; logs in $logs"
    exit 0
fi

# An element. Slurm warns the shell (--signal=B:USR1), the shell the program. A trap cannot run beside a foreground command,
# so the program is in the background; a trapped signal ends `wait` and not the program, so it is waited for again.
warned=
child=
trap 'warned=yes; [ -z "$child" ] || kill -USR1 "$child"' USR1
trap : TERM # which Slurm sends to the program as well
cd "$folder" || exit
"$bwq" run "$sweep" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" --threads "${SLURM_CPUS_PER_TASK:-1}" "${flags[@]}" &
child=$!
[ -z "$warned" ] || kill -USR1 "$child"
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
if [ "$code" -gt 128 ]; then # the signal's number, unless the program ended while the shell was told
    wait "$child"
    last=$?
    [ "$last" -eq 127 ] || code=$last
fi

# 75: stopped, with more to do. Where RequeueExit has 75 Slurm runs it again by itself, and once more asked for is still
# once. Only after a warning: an element that was cancelled stays so. By the array's number and the element's, as
# SLURM_JOB_ID of the last element is the whole array.
if [ "$code" -eq 75 ] && [ -n "$warned" ]; then
    if [ "${SLURM_RESTART_COUNT:-0}" -ge 50 ]; then
        echo "stopped 50 times: the time limit may be shorter than a block takes" >&2
        exit 3
    fi
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" || echo "this site does not let jobs requeue themselves: run what is missing with the first lines of this script" >&2
fi
exit "$code"
