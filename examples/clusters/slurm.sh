#!/bin/bash
# A film on a Slurm cluster: sbatch examples/clusters/slurm.sh SONG FILM. A Ray cluster lives as long as the job.
#SBATCH --job-name=audioviz
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
set -euo pipefail
source "$HOME/audioviz-env/bin/activate"

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
ip=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | cut -d " " -f 1)
port=$((20000 + SLURM_JOB_ID % 10000))
has=(--num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}" --disable-usage-stats --block)

srun --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --node-ip-address="$ip" --port="$port" --ray-client-server-port=$((port + 10000)) "${has[@]}" &
until (: > "/dev/tcp/$ip/$port") 2> /dev/null; do sleep 2; done
if ((SLURM_NNODES > 1)); then
    srun --nodes=$((SLURM_NNODES - 1)) --ntasks=$((SLURM_NNODES - 1)) --exclude="$head" \
        ray start --address="$ip:$port" "${has[@]}" &
fi

export RAY_ADDRESS="$ip:$port"
audioviz render "$1" --shots bar:4 --on ray --store "${SCRATCH:-$HOME}/audioviz-store" --out "$2"
