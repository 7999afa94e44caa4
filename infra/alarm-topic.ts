import { sharedName } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/**
 * Where alarms go. Not encrypted at rest: CloudWatch cannot publish to a topic under AWS's own key, a key of ours costs
 * a dollar a month, and an alarm holds numbers only.
 */
export function createAlarmTopic(settings: StageSettings) {
  const topic = new aws.sns.Topic("Alarms", { name: sharedName($app, "alarms") });
  const account = aws.getCallerIdentityOutput().accountId;
  new aws.sns.TopicPolicy("AlarmsPolicy", {
    arn: topic.arn,
    policy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sns:Publish"],
          resources: [topic.arn],
          principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
        },
      ],
    }).json,
  });
  new aws.sns.TopicSubscription("AlarmsEmail", {
    topic: topic.arn,
    protocol: "email",
    endpoint: settings.SLABMEND_ALARM_EMAIL,
  });
  return topic;
}
