# Sourced by the first line of every runbook, in the folder of the checkout. What is set already stays:
#   PERCH_STACK  the stack that the alarm's name has after `perch-`: local, dev, staging, prod
#   COLOUR       the colour that the alarm's name has after it; of an alarm without one, the colour in service
export PATH="$PWD/.venv/bin:$PATH"
export PERCH_STACK="${PERCH_STACK:-local}"
export COLOUR="${COLOUR:-blue}"
if [ "$COLOUR" = blue ]; then export OTHER=green; else export OTHER=blue; fi
# The AWS CLI asks in the stack's region; a stack on this machine has none of AWS's.
if [ "$PERCH_STACK" != local ] && [ -z "${AWS_REGION:-}" ]; then
  AWS_REGION="$(perch outputs region)" && export AWS_REGION
fi
