// A page of somebody else's, on an origin of its own, that completes a token with the official React hook.

import { TriggerAuthContext, useWaitToken } from "@trigger.dev/react-hooks";
import { createRoot } from "react-dom/client";

const { baseURL, tokenId, accessToken } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function Approval() {
  const { complete, isReady, isLoading, isCompleted, error } = useWaitToken(tokenId);

  return (
    <main>
      <button disabled={!isReady || isLoading} onClick={() => complete({ approved: true, from: location.origin })}>
        Approve
      </button>
      <output>{state({ isLoading, isCompleted, error })}</output>
    </main>
  );
}

function state({ isLoading, isCompleted, error }) {
  if (error) return `Refused: ${error.status} ${error.message}`;
  if (isLoading) return "Sending";
  return isCompleted ? "Completed" : "Waiting";
}

createRoot(document.getElementById("root")).render(
  <TriggerAuthContext.Provider value={{ baseURL, accessToken }}>
    <Approval />
  </TriggerAuthContext.Provider>,
);
